/* Lets the clocks of a process run $CLOCK_TIMES times as fast, that of the day from the second $CLOCK_SINCE on, and all
   that it waits for end as much sooner. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <linux/futex.h>

#define SECOND 1000000000LL

static long long times(void) {
  static long long known;
  if (!known) known = atoll(getenv("CLOCK_TIMES"));
  return known;
}

static long long since(void) {
  static long long known;
  if (!known) known = atoll(getenv("CLOCK_SINCE")) * SECOND;
  return known;
}

static long long read_span(const struct timespec *it) { return it->tv_sec * SECOND + it->tv_nsec; }

static struct timespec span(long long it) {
  return (struct timespec){.tv_sec = it / SECOND, .tv_nsec = it % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result != 0) return result;
  if (clock == CLOCK_REALTIME) *now = span(since() + (read_span(now) - since()) * times());
  if (clock == CLOCK_MONOTONIC) *now = span(read_span(now) * times());
  return result;
}

int epoll_wait(int poll, struct epoll_event *events, int most, int timeout) {
  static int (*real)(int, struct epoll_event *, int, int);
  if (!real) real = (int (*)(int, struct epoll_event *, int, int))dlsym(RTLD_NEXT, "epoll_wait");
  if (timeout > 0) timeout = (timeout + times() - 1) / times();
  return real(poll, events, most, timeout);
}

int nanosleep(const struct timespec *wait, struct timespec *left) {
  static int (*real)(const struct timespec *, struct timespec *);
  if (!real) real = (int (*)(const struct timespec *, struct timespec *))dlsym(RTLD_NEXT, "nanosleep");
  struct timespec shorter = span(read_span(wait) / times());
  return real(&shorter, left);
}

/* Rust's locks and parked threads wait by this, until a time of CLOCK_MONOTONIC or for a span: both are divided. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  struct timespec sooner;
  int wait = number == SYS_futex && d ? b & FUTEX_CMD_MASK : -1;
  if (wait == FUTEX_WAIT || (wait == FUTEX_WAIT_BITSET && !(b & FUTEX_CLOCK_REALTIME))) {
    sooner = span(read_span((const struct timespec *)d) / times());
    d = (long)&sooner;
  }
  return real(number, a, b, c, d, e, f);
}
