//! Whatever stands in a file, a form or the environment: readers end in an answer, and no answer shows a secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use postrider::java_properties::JavaEncoding;
use postrider::settings::{Environment, PortalFile, PropertiesFile, ProtocolForm, SecureForm};
use postrider::*;
use proptest::prelude::*;

const SECRET: &str = "Hunter2Secret";

/// Lines that are nearly right, and the secret among them.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("mail.smtp.password"),
        Just("mail.session.mail.smtp.password"),
        Just("mail.session.mail.advanced.properties"),
        Just("include-and-override"),
        Just("admin.email.from.address"),
        Just("[accounts.a]"),
        Just("[instances.a.mail]"),
        Just("locked"),
        Just(SECRET),
        Just("'"),
        Just("\""),
        Just("="),
        Just(":"),
        Just("["),
        Just("]"),
        Just("{"),
        Just(" "),
        Just("\n"),
        Just("\\"),
        Just("\\u12"),
        Just("${liferay.home}"),
        Just("#"),
        Just("é"),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// All that a person may see of it.
fn shown(layers: &[Layer], mistakes: &[Error]) -> String {
    let notes: Vec<String> = layers.iter().flat_map(Layer::notes).map(ToString::to_string).collect();
    // What was written as a key is shown as one.
    let hides_keys = |text: String| {
        if layers.iter().any(|l| l.keys().any(|k| k.contains(SECRET))) { String::new() } else { text }
    };
    hides_keys(format!("{layers:?} {notes:?} {mistakes:?}"))
}

proptest! {
    #[test]
    fn property_files_of_any_text_end_in_an_answer_without_the_secret(text in text()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portal-ext.properties");
        std::fs::write(&path, &text).unwrap();
        let file = PropertiesFile::load_all(&path).unwrap();
        let (layer, mistakes) = file.layer_all(LayerKind::System);
        prop_assert!(!shown(&[layer], &mistakes).contains(SECRET));
        prop_assert_eq!(mistakes.is_empty(), file.layer(LayerKind::System).is_ok());
        if let Ok(portal) = PortalFile::load_all(&path) {
            let (layers, mistakes) = portal.layers_all(LayerKind::System);
            // The path of an included file is no secret, and is told where it is missing.
            if !text.contains("include") {
                prop_assert!(!shown(&layers, &mistakes).contains(SECRET));
            }
        }
    }

    #[test]
    fn account_files_of_any_text_end_in_an_answer_without_the_secret(text in text()) {
        let (file, mistakes) = AccountFile::parse_all("a.toml", &text);
        let told = format!("{mistakes:?}");
        // A table or key that is called so is no secret.
        let is_key = file.accounts(None).chain(file.instances()).any(|name| name.contains(SECRET));
        prop_assert!(is_key || !told.contains(SECRET) || told.contains(&format!(".{SECRET}")) || told.contains(&format!(": {SECRET}")), "{}", told);
        for instance in file.instances().map(Some).chain([None]) {
            let _ = file.layers_of(instance, None);
        }
    }

    #[test]
    fn bytes_of_any_kind_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in [JavaEncoding::Detect, JavaEncoding::Utf8, JavaEncoding::Latin1] {
            let _ = PropertiesFile::parse("f", &bytes, encoding).map(|file| file.layer(LayerKind::System));
        }
        let text = String::from_utf8_lossy(&bytes);
        let _ = AccountFile::parse_all("f", &text);
        let _ = serde_json::from_slice::<SecureForm>(&bytes);
        let _ = serde_json::from_slice::<ProtocolForm>(&bytes);
    }

    #[test]
    fn forms_of_any_text_end_in_an_answer_without_the_secret(
        server in "\\PC{0,8}", port in "\\PC{0,5}", user in "\\PC{0,5}", additional in text(), protocol in "[a-z3A-Z ]{0,6}"
    ) {
        let mut form = ProtocolForm {
            incoming_server: server,
            outgoing_port: port,
            outgoing_user: user,
            store_protocol: protocol,
            outgoing_password: SECRET.into(),
            additional_properties: additional,
            ..ProtocolForm::default()
        };
        match form.layers(LayerKind::Instance, &[], &Registry::empty()) {
            Ok(layers) => prop_assert!(!shown(&layers, &[]).contains(SECRET)),
            Err(error) => prop_assert!(!shown(&[], &[error]).contains(SECRET)),
        }
        let debug = format!("{:?}", form);
        prop_assert!(!debug.contains(SECRET), "{}", debug);
        form.additional_properties.clear();
        prop_assert!(!serde_json::to_string(&form).unwrap().contains(SECRET));
    }

    #[test]
    fn variables_of_any_name_end_in_an_answer_without_the_secret(name in "[A-Za-z_0-9]{0,12}") {
        for prefix in ["POSTRIDER_", "POSTRIDER_MAIL_", "LIFERAY_", "LIFERAY_MAIL_PERIOD_"] {
            let environment = Environment::new([(format!("{prefix}{name}").into(), SECRET.into())]);
            let (layer, mistakes) = environment.layer_all();
            prop_assert!(!shown(&[layer], &mistakes).contains(SECRET));
            if let Ok(layers) = environment.portal_layers() {
                prop_assert!(!shown(&layers, &[]).contains(SECRET));
            }
        }
    }
}
