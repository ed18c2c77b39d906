use super::*;
use postrider_core::Properties;

const EXT: &str = "\
# the portal's
jdbc.default.password=hunter1
mail.session.mail=true
mail.session.mail.pop3.host=pop.example.org
mail.session.mail.pop3.password=hunter2
mail.session.mail.smtp.host = smtp.example.org \\
    \n\
mail.session.mail.smtp.port=587
mail.session.mail.transport.protocol=smtps
mail.session.mail.advanced.properties=mail.smtp.timeout=5s\\nmail.smtp.sendpartial=true
mail.smtp.ssl.enable=true
mail.smtp.port=25
mail.send.blacklist=a@example.org
admin.email.from.address=portal@example.org
admin.email.from.name=Portal
mail.batch.size=0
mail.throws.exception.on.failure=true
mail.session.smtp.host=typo
";

fn portal(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<PortalFile>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let file = PortalFile::load(&folder.path().join(files[0].0));
    (folder, file)
}

fn explain(layers: Vec<Layer>, folder: &Path) -> Vec<(String, String, String)> {
    let prefix = format!("{}/", folder.display());
    let tell = |e: postrider_core::Explained| {
        let origin = e.origin.map_or_else(String::new, |o| o.to_string());
        (e.key, e.value, origin.replace(&prefix, ""))
    };
    Properties::new(layers).explain().into_iter().filter(|e| e.origin.is_some()).map(tell).collect()
}

#[test]
fn a_portals_keys_become_ours_with_their_lines() {
    let (folder, file) = portal(&[("portal-ext.properties", EXT)]);
    let got = explain(file.unwrap().layers(LayerKind::Instance).unwrap(), folder.path());
    let got: Vec<_> = got.iter().map(|(k, v, o)| (k.as_str(), v.as_str(), o.as_str())).collect();
    assert_eq!(
        got,
        [
            ("mail.from", "portal@example.org", "portal-ext.properties:14 (instance)"),
            ("mail.from.name", "Portal", "portal-ext.properties:15 (instance)"),
            ("mail.pop3.host", "pop.example.org", "portal-ext.properties:4 (instance)"),
            ("mail.pop3.password", "***", "portal-ext.properties:5 (instance)"),
            ("mail.send.blockedrecipients", "a@example.org", "portal-ext.properties:13 (instance)"),
            ("mail.session.smtp.host", "typo", "portal-ext.properties:18 (instance)"),
            ("mail.smtp.host", "smtp.example.org", "portal-ext.properties:6 (instance)"),
            ("mail.smtp.port", "587", "portal-ext.properties:8 (instance)"),
            (
                "mail.smtp.sendpartial",
                "true",
                "portal-ext.properties:10, additional properties:2 (overrides)"
            ),
            ("mail.smtp.ssl.enable", "true", "portal-ext.properties:11 (instance)"),
            ("mail.smtp.timeout", "5s", "portal-ext.properties:10, additional properties:1 (overrides)"),
            ("mail.store.protocol", "pop3", "the portal's default (instance)"),
            ("mail.transport.protocol", "smtps", "portal-ext.properties:9 (instance)"),
        ]
    );
}

#[test]
fn of_keys_about_mail_that_are_not_used_each_is_told_with_the_reason_and_others_are_not_mentioned() {
    let (folder, file) = portal(&[("portal-ext.properties", EXT)]);
    let layers = file.unwrap().layers(LayerKind::System).unwrap();
    let prefix = format!("{}/", folder.path().display());
    let notes: Vec<String> = layers[0].notes().iter().map(|n| n.to_string().replace(&prefix, "")).collect();
    assert_eq!(
        notes,
        [
            "portal-ext.properties:6: mail.session.mail.smtp.host: blanks at the end of the value are left out (Java \
         would keep them) -> delete them, or write \\u0020 for one that is meant",
            "portal-ext.properties:11: mail.smtp.ssl.enable: a portal does not read it; here it counts -> write \
         mail.session.mail.smtp.ssl.enable for both",
            "portal-ext.properties:12: mail.smtp.port: it is not used: mail.session.mail.smtp.port at \
         portal-ext.properties:8 counts -> delete it",
            "portal-ext.properties:17: mail.throws.exception.on.failure: it is not used: a failure is always reported here",
        ]
    );
}

#[test]
fn an_included_file_beats_the_one_that_includes_it_and_a_missing_one_is_noted() {
    let (folder, file) = portal(&[
        (
            "portal-ext.properties",
            "include-and-override=a.properties\ninclude-and-override=gone.properties\n\
             include-and-override=${liferay.home}/b.properties\ninclude-and-override=${other}/c.properties\n\
             mail.session.mail.smtp.host=ext\nmail.session.mail.smtp.user=ext\nmail.session.mail.smtp.port=1\n",
        ),
        ("a.properties", "mail.session.mail.smtp.host=a\nmail.session.mail.smtp.user=a\n"),
        ("b.properties", "mail.session.mail.smtp.host=b\ninclude-and-override=c.properties\n"),
        ("c.properties", "mail.session.mail.smtp.port=3\n"),
    ]);
    let layers = file.unwrap().layers(LayerKind::System).unwrap();
    let notes: Vec<String> = layers[0].notes().iter().map(|n| n.message.clone()).collect();
    assert_eq!(
        notes,
        [
            "\"gone.properties\" is not there",
            "\"${other}/c.properties\" is left out: only ${liferay.home} is known here",
        ]
    );
    assert!(layers[0].notes()[0].position.ends_with("portal-ext.properties:2"));
    let got = explain(layers, folder.path());
    let got: Vec<_> = got.iter().map(|(_, v, o)| (v.as_str(), o.as_str())).collect();
    assert_eq!(
        got,
        [
            ("b", "b.properties:1 (system)"),
            ("3", "c.properties:1 (system)"),
            ("a", "a.properties:2 (system)"),
        ]
    );
}

#[test]
fn files_that_include_each_other_are_an_error_and_not_a_loop() {
    let (_folder, file) = portal(&[
        ("a.properties", "include-and-override=b.properties"),
        ("b.properties", "include-and-override=a.properties"),
    ]);
    let error = file.unwrap_err();
    assert!(error.to_string().contains("a.properties includes itself"), "{error}");
    let twice = "include-and-override=b.properties\n".repeat(100);
    let (_folder, file) = portal(&[("a.properties", &twice), ("b.properties", "")]);
    assert!(file.unwrap_err().to_string().contains("one file too many"));
}

#[test]
fn mistakes_in_additional_properties_and_included_files_name_their_line() {
    let (_folder, file) =
        portal(&[("a.properties", "\nmail.session.mail.advanced.properties=mail.a=1\\n=2")]);
    let error = file.unwrap().layers(LayerKind::System).unwrap_err();
    assert!(
        error.to_string().contains("a.properties:2, additional properties:2: there is no key"),
        "{error}"
    );
    let (_folder, file) =
        portal(&[("a.properties", "include-and-override=b.properties"), ("b.properties", "\nx=\\u1")]);
    let error = file.unwrap_err();
    assert!(error.to_string().contains("b.properties:2"), "{error}");
}

#[test]
fn every_mistake_of_all_files_can_be_listed_and_the_rest_be_read() {
    let (folder, _) = portal(&[
        ("a.properties", "x=\\u1\ninclude-and-override=b.properties\nmail.session.mail.smtp.host=h"),
        ("b.properties", "\nmail.session.mail.advanced.properties=\\=1\\nmail.x=2\\n\\=3\ny=\\u2"),
    ]);
    let file = PortalFile::load_all(&folder.path().join("a.properties")).unwrap();
    let (layers, mistakes) = file.layers_all(LayerKind::System);
    assert_eq!(layers.iter().flat_map(Layer::keys).collect::<Vec<_>>(), ["mail.smtp.host", "mail.x"]);
    let prefix = format!("{}/", folder.path().display());
    let told: Vec<String> = mistakes.iter().map(|e| e.message().replace(&prefix, "")).collect();
    let told: Vec<&str> = told.iter().map(|t| t.rsplit_once(": ").unwrap().0).collect();
    assert_eq!(
        told,
        [
            "a.properties:1",
            "b.properties:3",
            "b.properties:2, additional properties:1",
            "b.properties:2, additional properties:3",
        ]
    );
}

#[test]
fn a_name_for_a_lent_session_is_taken_over() {
    let (_folder, file) = portal(&[("a.properties", "mail.session.jndi.name=mail/MailSession")]);
    let layers = file.unwrap().layers(LayerKind::System).unwrap();
    assert_eq!(layers[0].keys().collect::<Vec<_>>(), ["mail.session.name"]);
}
