use super::*;
use postrider_core::{ErrorKind, Properties};

const FILE: &str = "mail.debug = true\n[mail.smtp]\nhost = 'a'\nport = 2525\n'auth.mechanisms' = ['PLAIN', 'LOGIN']\n\
                    [accounts.work.mail]\nsmtp.host = 'b'\n[accounts.home.mail.smtp]\nhost = 'c'\n";

#[test]
fn keys_have_their_lines_and_an_account_beats_what_is_common() {
    let file = AccountFile::parse("acc.toml", FILE).unwrap();
    let all = Properties::new(file.layers(Some("work")).unwrap()).explain();
    let host = all.iter().find(|e| e.key == "mail.smtp.host").unwrap();
    assert_eq!(host.value, "b");
    assert_eq!(host.origin.as_ref().unwrap().position, "acc.toml:7");
    assert_eq!(host.covered[0].origin.position, "acc.toml:3");
    assert!(all.iter().any(|e| e.key == "mail.smtp.auth.mechanisms" && e.value == "PLAIN LOGIN"));
}

#[test]
fn mistakes_name_their_line_and_never_quote_it() {
    for (text, part) in [
        ("mail.smtp.host = 'a'\nmail.smtp.password = 'hunter2\n", "acc.toml:2"),
        ("mail.smtp.password = hunter2", "acc.toml:1"),
        ("\nmail.smtp.password = \"hunter2\\q\"", "acc.toml:2"),
        ("mail.smtp.password = 'hunter2' hunter2", "acc.toml:1"),
        ("mail.x = 'hunter2'\nmail.x = 'hunter2'", "acc.toml:2"),
        ("mail.x = 1.5", "acc.toml:1: mail.x"),
        ("mail.x = 1979-05-27", "acc.toml:1: mail.x"),
        ("mail.x = [1, ['hunter2']]", "acc.toml:1: mail.x"),
        ("'a\u{1b}b' = 1.5", "TOML"),
        ("accounts = 'hunter2'", "[accounts.NAME]"),
        ("[[accounts]]\nname = 'hunter2'", "[accounts.NAME]"),
        ("[accounts]\nwork = 'hunter2'", "acc.toml:2: accounts.work must be a table"),
        ("mail = {", "acc.toml:1"),
    ] {
        let error = AccountFile::parse("acc.toml", text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{text}");
        assert!(error.to_string().contains(part), "{error}");
        let all = format!("{error:?}");
        assert!(!all.contains("hunter2") && !all.contains('\u{1b}'), "{all}");
    }
}

#[test]
fn which_account_is_never_guessed() {
    let file = AccountFile::parse("acc.toml", FILE).unwrap();
    assert!(file.layers(None).unwrap_err().to_string().contains("home, work"));
    assert!(file.layers(Some("x")).unwrap_err().to_string().contains("home, work"));
    let one = AccountFile::parse("one.toml", "mail.debug=true\n[accounts.only.mail]\nhost='h'").unwrap();
    assert_eq!(one.layers(None).unwrap().len(), 2);
    let none = AccountFile::parse("none.toml", "mail.host='h'").unwrap();
    assert_eq!(none.layers(None).unwrap().len(), 1);
    assert!(none.layers(Some("work")).is_err());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = AccountFile::load(Path::new("/nowhere/acc.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/acc.toml"), "{error}");
    assert!(
        !format!("{:?}", AccountFile::parse("a", "mail.smtp.password='hunter2'").unwrap())
            .contains("hunter2")
    );
}

const SCOPES: &str = "\
locked = ['mail.smtp.host', 'mail.debug']
mail.debug = true
mail.smtp.host = 'system'
[accounts.own.mail]
smtp.user = 'own'
[instances.shop]
locked = ['mail.from']
mail.from = 'shop@example.org'
[instances.shop.accounts.orders]
locked = [
  'mail.smtp.user',
]
mail.smtp.user = 'orders'
[instances.empty]
";

#[test]
fn an_instance_stands_between_the_system_and_its_accounts() {
    let file = AccountFile::parse("acc.toml", SCOPES).unwrap();
    let kinds = |instance, account| {
        let layers = file.layers_of(instance, account).unwrap();
        layers.iter().map(|layer| layer.kind().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kinds(None, None), "system account");
    assert_eq!(kinds(Some("shop"), None), "system instance account");
    assert_eq!(kinds(Some("empty"), None), "system instance");
    let all = Properties::new(file.layers_of(Some("shop"), Some("orders")).unwrap()).explain();
    let origin = |key: &str| all.iter().find(|e| e.key == key).unwrap().origin.as_ref().unwrap().to_string();
    assert_eq!(origin("mail.from"), "acc.toml:8 (instance)");
    assert_eq!(origin("mail.smtp.user"), "acc.toml:13 (account)");
    assert!(!all.iter().any(|e| e.key.contains("locked")));
    assert_eq!(file.instances().collect::<Vec<_>>(), ["empty", "shop"]);
    assert_eq!(file.accounts(Some("shop")).collect::<Vec<_>>(), ["orders"]);
    assert_eq!(file.accounts(None).collect::<Vec<_>>(), ["own"]);
}

#[test]
fn an_account_is_an_instances_or_nobodys() {
    let file = AccountFile::parse("acc.toml", SCOPES).unwrap();
    for (instance, account, part) in [
        (Some("shop"), Some("own"), "instance shop in acc.toml has no account \"own\" (there are: orders)"),
        (None, Some("orders"), "acc.toml has no account \"orders\" (there are: own)"),
        (Some("empty"), Some("x"), "instance empty in acc.toml has no account \"x\" (there are none)"),
        (Some("shpo"), None, "acc.toml has no instance \"shpo\" (there are: empty, shop)"),
    ] {
        let error = file.layers_of(instance, account).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn locked_names_keys_that_are_set_beside_it() {
    let file = AccountFile::parse("acc.toml", SCOPES).unwrap();
    let layers = file.layers_of(Some("shop"), None).unwrap();
    let locked =
        |layer: &Layer| layer.keys().filter(|key| layer.is_locked(key)).collect::<Vec<_>>().join(" ");
    let locked: Vec<_> = layers.iter().map(locked).collect();
    assert_eq!(locked, ["mail.debug mail.smtp.host", "mail.from", "mail.smtp.user"]);
    for (text, part) in [
        ("mail.x = 1\nlocked = 'mail.x'", "acc.toml:2: locked must be a list of keys"),
        ("mail.x = 1\nlocked = [\n1]", "acc.toml:3: locked must be a list of keys"),
        (
            "locked = [\n'mail.x',\n'mail.y']\nmail.x = 1",
            "acc.toml:3: mail.y is locked but not set beside it",
        ),
        (
            "mail.y = 1\n[accounts.a]\nlocked = ['mail.y']",
            "acc.toml:3: mail.y is locked but not set beside it",
        ),
    ] {
        let error = AccountFile::parse("acc.toml", text).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.advice().unwrap().contains("locked = [\"mail.smtp.host\"]"));
    }
}

#[test]
fn one_key_written_in_two_ways_is_an_error_and_instances_must_be_tables() {
    for (text, part) in [
        (
            "mail.smtp.'auth.mechanisms' = 'hunter2'\nmail.smtp.auth.mechanisms = 'hunter2'",
            "set at acc.toml:",
        ),
        ("instances = 'hunter2'", "acc.toml:1: instances must be tables: [instances.NAME]"),
        ("[instances]\na = 'hunter2'", "acc.toml:2: instances.a must be a table"),
        ("[instances.a]\naccounts = 'hunter2'", "acc.toml:2: accounts must be tables"),
    ] {
        let error = AccountFile::parse("acc.toml", text).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn every_mistake_of_a_file_can_be_listed_and_the_rest_be_read() {
    let text = "mail.a = 1.5\nmail.b = 1\n[accounts.x]\nlocked = ['mail.q']\nmail.c = 1979-05-27\nmail.d = 2\n\
                [instances]\ny = 1\n[mail.e]\nf = [[1]]\n";
    let (file, mistakes) = AccountFile::parse_all("acc.toml", text);
    let told: Vec<&str> = mistakes.iter().map(|e| e.message()).collect();
    assert_eq!(
        told,
        [
            "acc.toml:1: mail.a must be a text, a whole number, true, false or a list of texts",
            "acc.toml:4: mail.q is locked but not set beside it",
            "acc.toml:5: mail.c must be a text, a whole number, true, false or a list of texts",
            "acc.toml:8: instances.y must be a table",
            "acc.toml:10: mail.e.f must be a text, a whole number, true, false or a list of texts",
        ]
    );
    let layers = file.layers(Some("x")).unwrap();
    assert_eq!(layers.iter().flat_map(Layer::keys).collect::<Vec<_>>(), ["mail.b", "mail.d"]);
    let (_, mistakes) = AccountFile::parse_all("acc.toml", "a = \nb = 'hunter2\n[c\n");
    let told: Vec<&str> = mistakes.iter().map(|e| e.message()).collect();
    assert!(
        told.len() >= 3 && told[0].starts_with("acc.toml:1: ") && !told.join("").contains("hunter2"),
        "{told:?}"
    );
}

#[test]
fn a_file_that_is_not_utf_8_is_told_with_the_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"mail.a = 1\nmail.b = '\xe9'").unwrap();
    let error = AccountFile::load(file.path()).unwrap_err();
    assert!(error.to_string().contains(":2: it is not UTF-8"), "{error}");
}

#[test]
fn a_file_of_many_keys_is_read_in_linear_time() {
    // With a search for every key through all others this takes minutes.
    let text: String = (0..100_000).map(|n| format!("mail.k{n} = {n}\n")).collect();
    let file = AccountFile::parse("acc.toml", &text).unwrap();
    let layers = file.layers(None).unwrap();
    assert_eq!(layers[0].position("mail.k99999"), Some("acc.toml:100000"));
}
