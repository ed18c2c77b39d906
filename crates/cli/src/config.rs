//! `postrider config check`.

use crate::args::{ConfigCheckArgs, Format};
use crate::exit::{Code, Failure};
use crate::output::{Output, clean, count};
use crate::settings;
use postrider::settings::{PortalFile, PropertiesFile};
use postrider::{
    AccountFile, Diagnosis, DiagnosisKind, Error, Layer, LayerKind, Origin, Properties, Registry, Severity,
};
use serde_json::json;
use std::path::Path;

/// Lists what is wrong in a file of settings.
pub(crate) fn check(args: &ConfigCheckArgs, out: &mut Output) -> Result<Code, Failure> {
    settings::readable(&args.file)?;
    let registry = args.load.registry()?;
    let format = args.format.unwrap_or_else(|| format_of(&args.file));
    if (args.account.is_some() || args.instance.is_some()) && format != Format::Toml {
        return Err(Failure::usage("--account and --instance choose from a TOML file, and this is none"));
    }
    let found = match read(args, format) {
        Ok((stacks, mistakes)) => {
            let found = stacks.iter().map(|stack| findings(&args.file, stack, &registry)).collect();
            let mut found = merged(found, &stacks);
            if !mistakes.is_empty() {
                // It may stand in a line that can't be read.
                found.retain(|finding| finding.kind != DiagnosisKind::Missing);
                found.extend(mistakes.iter().map(|error| unreadable(error, &args.file)));
                found.sort();
            }
            found
        }
        Err(error) => vec![unreadable(&error, &args.file)],
    };
    report(&found, out)
}

/// The layers of one account, or of a file without accounts.
struct Stack {
    name: String,
    layers: Vec<Layer>,
}

pub(crate) fn format_of(path: &Path) -> Format {
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if !name.ends_with(".properties") {
        Format::Toml
    } else if name.starts_with("portal") || name.starts_with("system-ext") {
        Format::Portal
    } else {
        Format::Properties
    }
}

/// What can be read, and every line that can't.
fn read(args: &ConfigCheckArgs, format: Format) -> postrider::Result<(Vec<Stack>, Vec<Error>)> {
    let one = |layers| vec![Stack { name: String::new(), layers }];
    Ok(match format {
        Format::Properties => {
            let (layer, mistakes) = PropertiesFile::load_all(&args.file)?.layer_all(LayerKind::Account);
            (one(vec![layer]), mistakes)
        }
        Format::Portal => {
            let (layers, mistakes) = PortalFile::load_all(&args.file)?.layers_all(LayerKind::System);
            (one(layers), mistakes)
        }
        Format::Toml => {
            let (file, mistakes) = AccountFile::load_all(&args.file)?;
            match stacks(&file, args) {
                Err(_) if !mistakes.is_empty() => (Vec::new(), mistakes),
                stacks => (stacks?, mistakes),
            }
        }
    })
}

/// One for each account, of each instance and of none, that the command line does not leave out.
fn stacks(file: &AccountFile, args: &ConfigCheckArgs) -> postrider::Result<Vec<Stack>> {
    let of_instances = file.instances().map(Some).collect::<Vec<_>>();
    let instances = match args.instance.as_deref() {
        Some(name) => vec![Some(name)],
        // What is common to instances is no account of its own.
        None if file.accounts(None).next().is_none() && !of_instances.is_empty() => of_instances,
        None => [vec![None], of_instances].concat(),
    };
    let mut stacks = Vec::new();
    for instance in instances {
        let of_name = args.account.as_deref().filter(|_| args.instance.is_some() || instance.is_none());
        if args.account.is_some() && of_name.is_none() {
            continue;
        }
        let mut accounts: Vec<Option<&str>> = file.accounts(instance).map(Some).collect();
        if accounts.is_empty() || of_name.is_some() {
            accounts = vec![of_name];
        }
        for account in accounts {
            let name = [instance, account].into_iter().flatten().collect::<Vec<_>>().join(".");
            stacks.push(Stack { name, layers: file.layers_of(instance, account)? });
        }
    }
    Ok(stacks)
}

fn findings(path: &Path, stack: &Stack, registry: &Registry) -> Vec<Diagnosis> {
    let properties = Properties::new(stack.layers.iter().cloned());
    let mut found: Vec<Diagnosis> = exposed(path, stack, registry).into_iter().collect();
    found.extend(registry.diagnose(&properties, &[]));
    found
}

/// A secret in a file that others may read.
fn exposed(path: &Path, stack: &Stack, registry: &Registry) -> Option<Diagnosis> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    let mut keys = stack.layers.iter().flat_map(|layer| layer.keys().map(move |key| (layer, key)));
    let (layer, key) = keys.find(|(layer, key)| settings::is_exposed(mode, layer, key, registry))?;
    let origin = layer.position(key).map(|position| Origin::new(layer.kind(), position));
    let what = format!("it is a secret, and others may read or change this file (mode {:o})", mode & 0o777);
    let finding = Diagnosis::new(Severity::Warning, DiagnosisKind::ExposedSecret, what);
    Some(finding.at(key, origin).with_advice(format!("chmod 600 {}", path.display())))
}

/// The findings of all accounts. What is common to them is told once, and what one of them has no use for only
/// if none has.
fn merged(found: Vec<Vec<Diagnosis>>, stacks: &[Stack]) -> Vec<Diagnosis> {
    let several = stacks.len() > 1;
    let mut all: Vec<Diagnosis> = Vec::new();
    for (list, stack) in found.iter().zip(stacks) {
        for finding in list {
            let mut finding = finding.clone();
            let common = finding.origin.as_ref().is_some_and(|origin| origin.kind < LayerKind::Account);
            let about_use = matches!(
                finding.kind,
                DiagnosisKind::NotRead | DiagnosisKind::Covered | DiagnosisKind::Locked
            );
            let alike =
                |d: &Diagnosis| d.kind == finding.kind && d.key == finding.key && d.origin == finding.origin;
            if common && about_use && !found.iter().all(|list| list.iter().any(alike)) {
                continue;
            }
            if common && about_use && all.iter().any(alike) {
                continue;
            }
            if several && finding.origin.is_none() {
                finding.what = format!("account {}: {}", stack.name.escape_debug(), finding.what);
            }
            if !all.contains(&finding) {
                all.push(finding);
            }
        }
    }
    all.sort();
    all
}

/// A file that can't be read at all; its error begins with the place.
fn unreadable(error: &Error, path: &Path) -> Diagnosis {
    let mut finding = Diagnosis::of_error(error, DiagnosisKind::Syntax);
    let name = format!("{}:", path.display().to_string().escape_debug());
    let rest = finding.what.strip_prefix(&name).and_then(|rest| rest.split_once(": "));
    if let Some((line, what)) = rest
        && line.bytes().all(|b| b.is_ascii_digit())
    {
        finding.origin = Some(Origin::new(LayerKind::System, format!("{name}{line}")));
        finding.what = what.to_owned();
    }
    finding
}

fn report(found: &[Diagnosis], out: &mut Output) -> Result<Code, Failure> {
    let of = |severity| found.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings, notes) = (of(Severity::Error), of(Severity::Warning), of(Severity::Note));
    if out.is_json() {
        let value = json!({ "diagnoses": found, "errors": errors, "warnings": warnings, "notes": notes });
        out.value(&value)?;
    } else {
        for finding in found {
            out.line(clean(&finding.to_string()))?;
        }
        let parts = [(errors, "error"), (warnings, "warning"), (notes, "note")];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, one)| count(*n, one)).collect();
        out.line(if parts.is_empty() { "no mistakes found".to_owned() } else { parts.join(", ") })?;
    }
    Ok(if errors > 0 { Code::Config } else { Code::Done })
}
