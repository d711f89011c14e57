//! TorchScript's source as a tree.

use super::lex::{Word, words};
use std::collections::HashMap;
use std::rc::Rc;

/// Deepest expression or block. Exporters nest some ten deep.
const DEPTH_MAX: usize = 64;

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Name(Rc<str>),
    Attr(Box<Expr>, Rc<str>),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<(Option<Rc<str>>, Expr)>),
    List(Vec<Expr>),
    Tuple(Vec<Expr>),
    /// Keys and values, one after another.
    Dict(Vec<Expr>),
    /// What it is where the condition, the second one, holds, and else.
    Choice(Box<[Expr; 3]>),
    Negative(Box<Expr>),
}

/// A statement.
#[derive(Debug)]
pub(super) enum Stmt {
    Expr(Expr),
    /// Names and fields that get a value; several get the parts of a tuple.
    Assign(Vec<Expr>, Expr),
    Return(Expr),
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// A name that takes each of what the expression gives.
    For(Rc<str>, Expr, Vec<Stmt>),
    While(Expr, Vec<Stmt>),
    With(Vec<Stmt>),
    Pass,
}

/// A parameter: its name, the first word of its type, and its default.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: Rc<str>,
    pub(super) kind: Rc<str>,
    pub(super) default: Option<Expr>,
}

/// A function or method.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Vec<Stmt>,
}

/// A class.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) is_named_tuple: bool,
    /// Its fields, in order.
    pub(super) fields: Vec<Rc<str>>,
    /// Fields that are numbers or texts.
    pub(super) finals: Vec<(Rc<str>, Expr)>,
    /// The list of those that are tensors and no parameters.
    pub(super) buffers: Option<Expr>,
    pub(super) methods: HashMap<Rc<str>, Rc<Function>>,
}

/// A file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) classes: HashMap<Rc<str>, Class>,
    pub(super) functions: HashMap<Rc<str>, Rc<Function>>,
}

/// The tree of a source.
pub(super) fn parse(source: &str) -> Result<File, String> {
    let words = words(source)?;
    let mut parser = Parser { words: &words, at: 0, depth: 0 };
    let mut file = File::default();
    while let Some(word) = parser.peek() {
        match word {
            Word::Name(name) if &**name == "class" => parser.class(&mut file)?,
            Word::Name(name) if &**name == "def" => {
                let (name, function) = parser.function()?;
                file.functions.insert(name, Rc::new(function));
            }
            Word::Line | Word::Dedent => parser.at += 1,
            // Old versions import what they name, and say their version.
            _ => parser.skip_line(),
        }
    }
    Ok(file)
}

struct Parser<'w> {
    words: &'w [Word],
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    fn is_sign(&self, sign: char) -> bool {
        self.peek() == Some(&Word::Sign(sign))
    }

    fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Some(Word::Name(own)) if &**own == name)
    }

    /// Takes a sign, if it comes next.
    fn takes(&mut self, sign: char) -> bool {
        let is_next = self.is_sign(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: char) -> Parsed<()> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(format!("expected `{sign}`, found {:?}", self.peek())),
        }
    }

    fn name(&mut self) -> Parsed<Rc<str>> {
        match self.peek() {
            Some(Word::Name(name)) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            other => Err(format!("expected a name, found {other:?}")),
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|word| *word != Word::Line) {
            self.at += 1;
        }
        self.at += 1;
    }

    fn end_line(&mut self) -> Parsed<()> {
        match self.peek() {
            Some(Word::Line) => {
                self.at += 1;
                Ok(())
            }
            None => Ok(()),
            other => Err(format!("expected the end of a line, found {other:?}")),
        }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == DEPTH_MAX {
            return Err(format!("it has more than {DEPTH_MAX} levels"));
        }
        self.depth += 1;
        let made = parse(self);
        self.depth -= 1;
        made
    }
}

// === Classes and functions ===

impl Parser<'_> {
    fn class(&mut self, file: &mut File) -> Parsed<()> {
        self.at += 1;
        let name = self.name()?;
        let mut class = Class::default();
        if self.takes('(') {
            class.is_named_tuple = self.is_name("NamedTuple");
            while !self.takes(')') {
                if self.peek().is_none() {
                    return Err("a class has no end".to_string());
                }
                self.at += 1;
            }
        }
        self.expect(':')?;
        self.end_line()?;
        if self.peek() != Some(&Word::Indent) {
            file.classes.insert(name, class);
            return Ok(());
        }
        self.at += 1;
        loop {
            match self.peek() {
                None => break,
                Some(Word::Dedent) => {
                    self.at += 1;
                    break;
                }
                Some(Word::Line) => self.at += 1,
                Some(Word::Name(word)) if &**word == "def" => {
                    let (name, function) = self.function()?;
                    class.methods.insert(name, Rc::new(function));
                }
                Some(Word::Name(word)) => {
                    let word = word.clone();
                    self.at += 1;
                    if self.takes(':') {
                        self.expr()?;
                        class.fields.push(word.clone());
                        if self.takes('=') {
                            let value = self.expr()?;
                            class.finals.push((word, value));
                        }
                    } else if &*word == "__buffers__" && self.takes('=') {
                        class.buffers = Some(self.expr()?);
                    }
                    self.skip_line();
                }
                Some(_) => self.skip_line(),
            }
        }
        file.classes.insert(name, class);
        Ok(())
    }

    fn function(&mut self) -> Parsed<(Rc<str>, Function)> {
        self.at += 1;
        let name = self.name()?;
        self.expect('(')?;
        let mut parameters = Vec::new();
        while !self.takes(')') {
            // What stands behind a star is given by name.
            if self.takes('*') {
                self.takes(',');
                continue;
            }
            let name = self.name()?;
            let mut kind: Rc<str> = "Tensor".into();
            if self.takes(':') {
                kind = first_word(&self.expr()?);
            }
            let default = if self.takes('=') { Some(self.expr()?) } else { None };
            parameters.push(Parameter { name, kind, default });
            if !self.takes(',') && !self.is_sign(')') {
                return Err(format!("expected a parameter, found {:?}", self.peek()));
            }
        }
        // The type of the result.
        if self.takes('>') {
            self.expr()?;
        }
        let body = self.block()?;
        Ok((name, Function { parameters, body }))
    }

    /// `:` and the lines behind it that stand further to the right.
    fn block(&mut self) -> Parsed<Vec<Stmt>> {
        self.expect(':')?;
        self.end_line()?;
        if self.peek() != Some(&Word::Indent) {
            return Ok(Vec::new());
        }
        self.at += 1;
        self.deeper(|parser| {
            let mut body = Vec::new();
            loop {
                match parser.peek() {
                    None => return Ok(body),
                    Some(Word::Dedent) => {
                        parser.at += 1;
                        return Ok(body);
                    }
                    Some(Word::Line) => parser.at += 1,
                    Some(_) => body.push(parser.statement()?),
                }
            }
        })
    }

    fn statement(&mut self) -> Parsed<Stmt> {
        let word = match self.peek() {
            Some(Word::Name(name)) => name.to_string(),
            _ => String::new(),
        };
        match word.as_str() {
            "if" => {
                self.at += 1;
                let condition = self.expr()?;
                let body = self.block()?;
                let mut other = Vec::new();
                if self.is_name("else") {
                    self.at += 1;
                    other = self.block()?;
                }
                return Ok(Stmt::If(condition, body, other));
            }
            "for" => {
                self.at += 1;
                let name = self.name()?;
                if &*self.name()? != "in" {
                    return Err("expected `in` in a loop".to_string());
                }
                let over = self.expr()?;
                return Ok(Stmt::For(name, over, self.block()?));
            }
            "while" => {
                self.at += 1;
                let condition = self.expr()?;
                return Ok(Stmt::While(condition, self.block()?));
            }
            "with" => {
                self.at += 1;
                self.expr()?;
                if self.is_name("as") {
                    self.at += 1;
                    self.name()?;
                }
                return self.block().map(Stmt::With);
            }
            _ => {}
        }
        let made = match word.as_str() {
            "return" => {
                self.at += 1;
                Stmt::Return(self.tuple()?)
            }
            "pass" => {
                self.at += 1;
                Stmt::Pass
            }
            _ => self.assignment()?,
        };
        self.end_line()?;
        Ok(made)
    }

    fn assignment(&mut self) -> Parsed<Stmt> {
        let left = self.tuple()?;
        if self.takes(':') {
            self.expr()?;
        }
        if !self.takes('=') {
            return Ok(Stmt::Expr(left));
        }
        let value = self.tuple()?;
        let places = match left {
            Expr::Tuple(places) => places,
            one => return Ok(Stmt::Assign(vec![one], value)),
        };
        // `a, = x` takes the one part of `x`.
        let value = match places.len() {
            1 => Expr::Index(Box::new(value), Box::new(Expr::Int(0))),
            _ => value,
        };
        Ok(Stmt::Assign(places, value))
    }
}

/// The word that a type begins with: `Optional` of `Optional[Tensor]`.
pub(super) fn first_word(kind: &Expr) -> Rc<str> {
    match kind {
        Expr::Name(name) => name.clone(),
        Expr::Index(inner, _) => match &**inner {
            Expr::Name(name) => name.clone(),
            _ => "Any".into(),
        },
        _ => "Any".into(),
    }
}

// === Expressions ===

impl Parser<'_> {
    /// An expression, or several with commas between them.
    fn tuple(&mut self) -> Parsed<Expr> {
        let first = self.expr()?;
        if !self.is_sign(',') {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.takes(',') {
            if matches!(self.peek(), None | Some(Word::Line | Word::Sign('=' | ')' | ':'))) {
                break;
            }
            parts.push(self.expr()?);
        }
        Ok(Expr::Tuple(parts))
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            let first = parser.postfix()?;
            if !parser.is_name("if") {
                return Ok(first);
            }
            parser.at += 1;
            let condition = parser.expr()?;
            if &*parser.name()? != "else" {
                return Err("expected `else` in a choice".to_string());
            }
            let other = parser.expr()?;
            Ok(Expr::Choice(Box::new([first, condition, other])))
        })
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        let mut made = self.atom()?;
        for _ in 0..DEPTH_MAX {
            if self.takes('.') {
                made = Expr::Attr(Box::new(made), self.name()?);
            } else if self.takes('[') {
                let index = self.tuple()?;
                self.expect(']')?;
                made = Expr::Index(Box::new(made), Box::new(index));
            } else if self.takes('(') {
                made = Expr::Call(Box::new(made), self.arguments()?);
            } else {
                return Ok(made);
            }
        }
        Err(format!("it has more than {DEPTH_MAX} levels"))
    }

    fn arguments(&mut self) -> Parsed<Vec<(Option<Rc<str>>, Expr)>> {
        let mut made = Vec::new();
        while !self.takes(')') {
            let is_named = self.words.get(self.at + 1) == Some(&Word::Sign('='));
            let name = if is_named { Some(self.name()?) } else { None };
            self.at += usize::from(is_named);
            made.push((name, self.expr()?));
            if !self.takes(',') && !self.is_sign(')') {
                return Err(format!("expected an argument, found {:?}", self.peek()));
            }
        }
        Ok(made)
    }

    /// Expressions with commas between them, up to a bracket.
    fn until(&mut self, end: char) -> Parsed<(Vec<Expr>, bool)> {
        let (mut made, mut has_comma) = (Vec::new(), false);
        while !self.takes(end) {
            made.push(self.expr()?);
            let is_more = self.takes(',');
            has_comma |= is_more;
            if !is_more && !self.is_sign(end) {
                return Err(format!("expected `{end}`, found {:?}", self.peek()));
            }
        }
        Ok((made, has_comma))
    }

    fn atom(&mut self) -> Parsed<Expr> {
        let word = self.peek().cloned().ok_or("it breaks off")?;
        self.at += 1;
        Ok(match word {
            Word::Int(value) => Expr::Int(value),
            Word::Float(value) => Expr::Float(value),
            Word::Text(text) => Expr::Text(text),
            Word::Name(name) => Expr::Name(name),
            Word::Sign('-') => {
                let inner = self.deeper(Self::postfix)?;
                match inner {
                    Expr::Int(value) => Expr::Int(value.wrapping_neg()),
                    Expr::Float(value) => Expr::Float(-value),
                    other => Expr::Negative(Box::new(other)),
                }
            }
            Word::Sign('(') => {
                let (mut parts, has_comma) = self.until(')')?;
                match parts.len() {
                    1 if !has_comma => parts.swap_remove(0),
                    _ => Expr::Tuple(parts),
                }
            }
            Word::Sign('[') => Expr::List(self.until(']')?.0),
            Word::Sign('{') => {
                let mut parts = Vec::new();
                while !self.takes('}') {
                    parts.push(self.expr()?);
                    self.expect(':')?;
                    parts.push(self.expr()?);
                    self.takes(',');
                }
                Expr::Dict(parts)
            }
            other => return Err(format!("expected an expression, found {other:?}")),
        })
    }
}
