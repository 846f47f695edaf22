//! `.proto` files to encoded descriptors.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use prost::Message;
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use prost_types::FileDescriptorSet;
use protox::Compiler;

use crate::Refused;

/// Compiles every `.proto` file under `root` to an encoded `FileDescriptorSet` with comments and imports.
///
/// # Errors
/// The first mistake in the sources, named by file and line; or a folder that cannot be read.
pub fn compile(root: &Path) -> Result<Vec<u8>, Refused> {
    let files = proto_files(root).map_err(|error| Refused::because(format!("{}: {error}", root.display())))?;
    let mut compiler = Compiler::new([root]).map_err(|error| located(root, &error))?;
    compiler.include_imports(true).include_source_info(true);
    for file in files {
        compiler.open_file(root.join(file)).map_err(|error| located(root, &error))?;
    }
    // Never `file_descriptor_set()`: its structs drop the options of our own extensions.
    Ok(compiler.encode_file_descriptor_set())
}

/// The same descriptors without comments and positions: what is kept as the published contract.
///
/// # Errors
/// When the bytes are no descriptors.
pub fn without_comments(descriptors: &[u8]) -> Result<Vec<u8>, Refused> {
    // As a dynamic message, because the plain structs would drop our options.
    let set = DynamicMessage::decode(FileDescriptorSet::default().descriptor(), descriptors);
    let mut set = set.map_err(|error| Refused::because(error.to_string()))?;
    if let Some(Value::List(files)) = set.get_field_by_name_mut("file") {
        for file in files.iter_mut().filter_map(Value::as_message_mut) {
            file.clear_field_by_name("source_code_info");
            forget_expressions(file);
        }
    }
    Ok(set.encode_to_vec())
}

/// Takes the options off Buf's own options: expressions in a language that nobody here evaluates, and most of the text.
fn forget_expressions(file: &mut DynamicMessage) {
    let package = file.get_field_by_name("package");
    if package.and_then(|name| name.as_str().map(|name| name != "buf.validate")).unwrap_or(true) {
        return;
    }
    let Some(Value::List(messages)) = file.get_field_by_name_mut("message_type") else { return };
    for message in messages.iter_mut().filter_map(Value::as_message_mut) {
        let Some(Value::List(fields)) = message.get_field_by_name_mut("field") else { continue };
        fields.iter_mut().filter_map(Value::as_message_mut).for_each(|field| field.clear_field_by_name("options"));
    }
}

/// The `.proto` files under `root`, as paths relative to it, sorted.
///
/// # Errors
/// When a folder cannot be read.
pub fn proto_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path.strip_prefix(root).map_err(io::Error::other)?.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// `file:line:column: message`, as editors and terminals make it clickable.
fn located(root: &Path, error: &protox::Error) -> Refused {
    // Only the `Debug` form carries the position: `lyceum/users/v1/users.proto:3:7: expected ...`.
    let text = format!("{error:?}");
    match error.file() {
        Some(file) if text.starts_with(file) => Refused::because(format!("{}/{text}", root.display())),
        Some(file) => Refused::because(format!("{}/{file}: {error}", root.display())),
        None => Refused::because(error.to_string()),
    }
}
