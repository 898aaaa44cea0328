/* While the file $READ_ONLY_FILE is there, what lies in its folder cannot be written, as where the system made a file
   system read-only after a fault of its disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_in_folder(const char *path) {
  const char *flag = getenv("READ_ONLY_FILE");
  const char *end = flag ? strrchr(flag, '/') : NULL;
  return end && access(flag, F_OK) == 0 && strncmp(path, flag, end - flag + 1) == 0;
}

static int is_read_only(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_in_folder(path);
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define REFUSE return errno = EROFS, -1

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (is_read_only(file)) REFUSE;
  return real(file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (is_read_only(file)) REFUSE;
  return real(file, bytes, count, at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (is_read_only(file)) REFUSE;
  return real(file, bytes, count, at);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(int, #name, const char *, int, ...); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    if ((flags & O_ACCMODE) != O_RDONLY && is_in_folder(path)) REFUSE; \
    return real(path, flags, mode); \
  }

OPEN(open)
OPEN(open64)
