use repository::text_proto::{DEPTH_MAX, Message, TEXT_BYTES_MAX, Value, parse};

/// Fields as `name=value`, messages in braces.
fn show(message: &Message<'_>) -> String {
    let fields: Vec<String> = message
        .fields
        .iter()
        .map(|field| match &field.value {
            Value::Word { is_negative: false, word } => format!("{}={word}", field.name),
            Value::Word { is_negative: true, word } => format!("{}=-{word}", field.name),
            Value::Text(text) => format!("{}='{}'", field.name, text.escape_ascii()),
            Value::Message(inner) => format!("{}{{{}}}", field.name, show(inner)),
        })
        .collect();
    fields.join(" ")
}

fn check(text: &str, expected: Result<&str, &str>) {
    let found = parse(text).map(|message| show(&message)).map_err(|e| e.to_string());
    assert_eq!(found, expected.map(str::to_string).map_err(str::to_string), "{text:?}");
}

#[test]
fn every_form_of_a_field_is_read() {
    check("", Ok(""));
    check("a: 1 b: -2.5e+3f c: true,d: X; e:0x1F", Ok("a=1 b=-2.5e+3f c=true d=X e=0x1F"));
    check("a { b: 1 } c: { } d < e: 2 > f: <>", Ok("a{b=1} c{} d{e=2} f{}"));
    check("a: [1, -2] b: [] c [{x: 1}, <x: 2>] d: [ 'q' ]", Ok("a=1 a=-2 c{x=1} c{x=2} d='q'"));
    check("# all\na: 1 # rest\n#", Ok("a=1"));
    check("\u{feff}a: - 1 b: -inf", Ok("a=-1 b=-inf"));
    check("[type.host/p.A-b] { x: 1 } [p.ext]: 2", Ok("[type.host/p.A-b]{x=1} [p.ext]=2"));
}

#[test]
fn strings_are_unescaped_and_joined() {
    check(r#"a: "x" 'y'  "z""#, Ok("a='xyz'"));
    check(r#"a: '\n\t\"\'\\\?\a'"#, Ok(r#"a='\n\t\"\'\\?\x07'"#));
    check(r#"a: "\x41\101\u00e9\U0001F41F\0""#, Ok(r"a='AA\xc3\xa9\xf0\x9f\x90\x9f\x00'"));
    check("a: 'größe'", Ok(r"a='gr\xc3\xb6\xc3\x9fe'"));
}

#[test]
fn errors_say_where() {
    check("a: 1\nb {\n c: 2\n", Err("line 2: the message that begins here has no closing `}`"));
    check("a: 'x\n'", Err("line 1: the string does not end on its line; write \\n inside of it"));
    check("a: 'x", Err("line 1: the string has no closing quote"));
    check("a 1", Err("line 1: expected `:` or `{` after the field a, found `1`"));
    check("a:\n\n}", Err("line 3: expected a value of the field a"));
    check("a: -'x'", Err("line 1: expected a value of the field a"));
    check("a: [1 2]", Err("line 1: expected `,` or `]` in the list, found `2`"));
    check("a: [[1]]", Err("line 1: expected a value of the field a"));
    check("1: 2", Err("line 1: expected the name of a field, found `1`"));
    check("a: 1 }", Err("line 1: expected the name of a field, found `}`"));
    check("a { b: 1 >", Err("line 1: expected the name of a field, found `>`"));
    check("a: $", Err("line 1: expected a field or a value, found '$'"));
    check(
        r"a: '\q'",
        Err("line 1: expected one of \\a \\b \\f \\n \\r \\t \\v \\x \\u \\0 after a backslash"),
    );
    check(r"a: '\777'", Err("line 1: expected an octal code up to \\377 after a backslash"));
    check(r"a: '\ud800'", Err("line 1: expected a Unicode character after a backslash"));
    check(r"a: '\xg'", Err("line 1: expected digits of the escaped character after a backslash"));
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |depth: usize| "a{".repeat(depth) + &"}".repeat(depth);
    assert!(parse(&nested(DEPTH_MAX)).is_ok());
    let error = parse(&nested(DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.reason, "messages are nested deeper than 64 levels");
    assert!(parse(&"a<".repeat(400_000)).is_err());
    let error = parse(&" ".repeat(TEXT_BYTES_MAX + 1)).unwrap_err();
    assert_eq!(error.reason, "expected at most 1048576 bytes, found 1048577");
}

#[test]
fn questions_are_answered_with_the_line() {
    let text = "n: 7 n: 010 s: 'x'\nt: true f: 0 m { k: 0x10 }\n\
                neg: -1 zero: -0 big: 99999999999999999999";
    let message = parse(text).unwrap();
    assert_eq!(message.numbers("n"), Ok(vec![7, 8]));
    assert_eq!(message.string("s"), Ok(Some("x".to_string())));
    assert_eq!(
        (message.flag("t"), message.flag("f"), message.flag("no")),
        (Ok(true), Ok(false), Ok(false))
    );
    assert_eq!(message.message("m").unwrap().unwrap().number("k"), Ok(Some(16)));
    assert_eq!(message.number("zero"), Ok(Some(0)));
    let others: Vec<&str> = message.others(&["n", "s", "t", "f"]).map(|f| &*f.name).collect();
    assert_eq!(others, ["m", "neg", "zero", "big"]);
    for (error, expected) in [
        (message.number("n").unwrap_err(), "line 1: the field n is given twice"),
        (
            message.number("neg").unwrap_err(),
            "line 3: the field neg: expected a number that is not negative, found `-1`",
        ),
        (
            message.number("big").unwrap_err(),
            "line 3: the field big: expected a number that is not negative, found \
             `99999999999999999999`",
        ),
        (
            message.string("t").unwrap_err(),
            "line 2: the field t: expected a string in quotes, found `true`",
        ),
        (
            message.flag("m").unwrap_err(),
            "line 2: the field m: expected true or false, found fields in braces",
        ),
        (
            message.message("s").unwrap_err(),
            "line 1: the field s: expected fields in braces, found a string",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}
