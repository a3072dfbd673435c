//! What is committed for other languages is what the types say, and every example fits its schema.

#![cfg(test)]

use std::{fs, path::Path};

use hwc_schemas::contract::{documents, examples};

#[test]
fn the_committed_documents_are_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bless = std::env::var_os("HWC_BLESS").is_some();
    for (path, text) in documents() {
        let file = folder.join(&path);
        if bless {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == text,
            "schemas/{path} is not what the types say; HWC_BLESS=1 cargo test rewrites it"
        );
    }
}

#[test]
fn nothing_is_committed_that_no_type_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents();
    for sub in ["json", "examples"] {
        for path in files(&folder.join(sub)) {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            assert!(documents.contains_key(&name), "schemas/{name} comes from nowhere");
        }
    }
}

#[test]
fn no_description_sends_a_reader_to_the_source() {
    for (path, text) in documents() {
        assert!(
            !text.contains("[`") && !text.contains(".rs"),
            "schemas/{path} names something of the source"
        );
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn every_example_fits_its_schema_and_a_spoiled_one_does_not() {
    let documents = documents();
    for example in examples() {
        let schema = serde_json::from_str(&documents[&format!("json/{}.json", example.of)]).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        assert!(schema.is_valid(&example.value), "{}/{}", example.of, example.name);
        for key in example.value.as_object().unwrap().keys() {
            let mut spoiled = example.value.clone();
            spoiled[key.as_str()] = serde_json::json!({ "not": ["this"] });
            assert!(!schema.is_valid(&spoiled), "{}/{}: {key} may be anything", example.of, example.name);
        }
    }
}
