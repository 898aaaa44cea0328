//! Reads what is kept as text until it is used: templates and CustomResourceDefinitions.

use super::Finding;
use super::load::{Listed, Loader, TEMPLATES, yaml_stem};
use super::model::{Spanned, UserTemplate};

const TEMPLATE_ENDING: &str = ".yaml.tera";

impl Loader {
    pub(super) fn templates(&mut self) -> Vec<UserTemplate> {
        let names = match self.listed(TEMPLATES) {
            Listed::Files(names) => names,
            Listed::Missing => Vec::new(),
            Listed::Unreadable => {
                self.unread.every_template = true;
                Vec::new()
            }
        };
        let mut templates = Vec::new();
        for file in names {
            let Some(name) = file.strip_suffix(TEMPLATE_ENDING) else {
                self.misnamed_template(&file);
                continue;
            };
            let name = name.to_owned();
            match self.text(&format!("{TEMPLATES}/{file}"), None) {
                Some(source) => templates.push(UserTemplate { name, source }),
                None => self.unread.templates.push(name),
            }
        }
        templates
    }

    /// Says of a file that looks like a template that it is none.
    fn misnamed_template(&mut self, file: &str) {
        let Some((stem, _)) = file.split_once('.') else {
            return;
        };
        let looks_like_one = [".tera", ".yaml", ".yml"].map(|ending| file.ends_with(ending));
        if stem.is_empty() || !looks_like_one.contains(&true) {
            return;
        }
        let path = format!("{TEMPLATES}/{file}");
        let at = self.nowhere(&path);
        let finding = Finding::warning(at, "", format!("`{path}` is no template by its name"))
            .hint(format!(
                "call it `{stem}{TEMPLATE_ENDING}`, or keep it elsewhere"
            ));
        self.decoder.findings.push(finding);
    }

    /// The texts of files and folders with CustomResourceDefinitions.
    pub(super) fn crds(&mut self, paths: &[Spanned<String>]) -> Vec<u32> {
        let mut texts = Vec::new();
        for path in paths {
            let name = path.value.trim_start_matches("./").trim_end_matches('/');
            let is_folder = self
                .folder
                .as_ref()
                .is_some_and(|folder| folder.is_folder(name));
            let files = if is_folder {
                let Listed::Files(names) = self.listed(name) else {
                    continue;
                };
                names
                    .into_iter()
                    .filter(|file| yaml_stem(file).is_some() || file.ends_with(".json"))
                    .map(|file| format!("{name}/{file}"))
                    .collect()
            } else {
                vec![name.to_owned()]
            };
            if files.is_empty() {
                self.fault(
                    path.span,
                    format!("folder `{name}` holds no CustomResourceDefinition"),
                    "put files that end in `.yaml`, `.yml` or `.json` into it, or take its name away",
                );
            }
            let named = (!is_folder).then_some(path.span);
            for file in files {
                texts.extend(self.text(&file, named));
            }
        }
        texts
    }
}
