//! The machine that a pickle is a program for.

use super::element;
use super::pickle::{
    ALLOWED, Item, Makes, Object, Pickle, RANK_MAX, SCRIPT, STEPS_MAX, Storage, Stored, global,
    storage_type,
};
use std::collections::HashMap;
use std::rc::Rc;

/// What the bytes hold.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine {
        rest: bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        made: Pickle::empty(),
        left: STEPS_MAX,
    };
    for _ in 0..STEPS_MAX {
        if machine.step()? {
            machine.made.root = machine.pop()?;
            return Ok(machine.made);
        }
    }
    Err(format!("its pickle has more than {STEPS_MAX} instructions"))
}

struct Machine<'b> {
    rest: &'b [u8],
    stack: Vec<Item>,
    /// Lengths of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<usize, Item>,
    made: Pickle,
    /// Items that may still be copied.
    left: usize,
}

// === Bytes and stack ===

impl<'b> Machine<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], String> {
        if count > self.rest.len() {
            return Err("its pickle breaks off".to_string());
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of so many bytes.
    fn number(&mut self, width: usize) -> Result<usize, String> {
        let bytes = self.take(width)?;
        let value = bytes.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
        usize::try_from(value).map_err(|error| error.to_string())
    }

    fn line(&mut self) -> Result<&'b str, String> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(end.ok_or("its pickle breaks off")?)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|error| error.to_string())
    }

    fn text(&mut self, width: usize) -> Result<Item, String> {
        let count = self.number(width)?;
        let bytes = self.take(count)?;
        Ok(Item::Text(std::str::from_utf8(bytes).map_err(|error| error.to_string())?.into()))
    }

    fn pop(&mut self) -> Result<Item, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let item = if self.stack.len() > floor { self.stack.pop() } else { None };
        item.ok_or_else(|| "its pickle takes from an empty stack".to_string())
    }

    fn top(&self) -> Result<Item, String> {
        self.stack.last().cloned().ok_or_else(|| "its pickle takes from an empty stack".to_string())
    }

    /// What lies above the last mark.
    fn marked(&mut self) -> Result<Vec<Item>, String> {
        let at = self.marks.pop().ok_or("its pickle takes a mark that is not there")?;
        Ok(self.stack.split_off(at.min(self.stack.len())))
    }

    fn list(&mut self, items: Vec<Item>) -> usize {
        self.made.lists.push(items);
        self.made.lists.len() - 1
    }

    fn tuple(&mut self, count: usize) -> Result<Item, String> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
        items.reverse();
        Ok(Item::Tuple(self.list(items)))
    }

    fn dict(&mut self, items: &[Item]) -> usize {
        let pairs = items.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        self.made.dicts.push(pairs.collect());
        self.made.dicts.len() - 1
    }
}

// === Instructions ===

impl Machine<'_> {
    /// One instruction; was it the last one?
    fn step(&mut self) -> Result<bool, String> {
        let code = self.take(1)?[0];
        let item = match code {
            b'.' => return Ok(true),
            0x80 => {
                self.take(1)?;
                return Ok(false);
            }
            0x95 => {
                self.take(8)?;
                return Ok(false);
            }
            b'N' => Item::None,
            0x88 => Item::Bool(true),
            0x89 => Item::Bool(false),
            b'K' => Item::Int(self.number(1)? as i64),
            b'M' => Item::Int(self.number(2)? as i64),
            b'J' => {
                let bytes = self.take(4)?;
                Item::Int(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into())
            }
            0x8a => {
                let count = self.number(1)?;
                Item::Int(long(self.take(count)?)?)
            }
            b'I' => match self.line()? {
                "01" => Item::Bool(true),
                "00" => Item::Bool(false),
                line => Item::Int(line.parse().map_err(|_| "its pickle has a bad number")?),
            },
            b'L' => {
                let line = self.line()?.trim_end_matches('L');
                Item::Int(line.parse().map_err(|_| "its pickle has a bad number")?)
            }
            b'F' => Item::Float(self.line()?.parse().map_err(|_| "its pickle has a bad number")?),
            b'G' => {
                let bytes = self.take(8)?.try_into().map_err(|_| "its pickle breaks off")?;
                Item::Float(f64::from_be_bytes(bytes))
            }
            b'X' | b'T' | b'B' => self.text(4)?,
            0x8c | b'U' | b'C' => self.text(1)?,
            0x8d | 0x8e => self.text(8)?,
            b']' | 0x8f => Item::List(self.list(Vec::new())),
            b')' => Item::Tuple(self.list(Vec::new())),
            b'}' => Item::Dict(self.dict(&[])),
            0x85..=0x87 => self.tuple(usize::from(code - 0x84))?,
            _ => return self.composed(code).map(|()| false),
        };
        self.stack.push(item);
        Ok(false)
    }

    /// Instructions that work on what is there.
    fn composed(&mut self, code: u8) -> Result<(), String> {
        let item = match code {
            b'(' => {
                self.marks.push(self.stack.len());
                return Ok(());
            }
            b'0' => return self.pop().map(drop),
            b'1' => return self.marked().map(drop),
            b't' => {
                let items = self.marked()?;
                Item::Tuple(self.list(items))
            }
            b'l' | 0x91 => {
                let items = self.marked()?;
                Item::List(self.list(items))
            }
            b'd' => {
                let items = self.marked()?;
                Item::Dict(self.dict(&items))
            }
            b'2' => self.top()?,
            b'a' | b'e' | 0x90 | b's' | b'u' => return self.grow(code),
            b'q' | b'r' | b'p' | 0x94 => {
                let at = match code {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    b'p' => self.line()?.parse().map_err(|_| "its pickle has a bad number")?,
                    _ => self.memo.len(),
                };
                let top = self.top()?;
                self.memo.insert(at, top);
                return Ok(());
            }
            b'h' | b'j' | b'g' => {
                let at = match code {
                    b'h' => self.number(1)?,
                    b'j' => self.number(4)?,
                    _ => self.line()?.parse().map_err(|_| "its pickle has a bad number")?,
                };
                let known = self.memo.get(&at).cloned();
                known.ok_or("its pickle takes a value that it did not store")?
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                Item::Global(global(module, name)?)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Item::Text(name), Item::Text(module)) => Item::Global(global(&module, &name)?),
                _ => return Err("its pickle names no class".to_string()),
            },
            b'Q' => {
                let id = self.pop()?;
                self.storage(&id)?
            }
            b'R' | 0x81 => {
                let (args, callee) = (self.pop()?, self.pop()?);
                self.call(&callee, &args)?
            }
            b'b' => return self.build(),
            other => {
                return Err(format!(
                    "its pickle has the instruction {other:#04x}, which none of PyTorch has"
                ));
            }
        };
        self.stack.push(item);
        Ok(())
    }

    /// Adds to the list or dictionary that lies below.
    fn grow(&mut self, code: u8) -> Result<(), String> {
        let items = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.marked()?,
        };
        match (self.top()?, code) {
            (Item::List(at), b'a' | b'e' | 0x90) => self.made.lists[at].extend(items),
            (Item::Dict(at), b's' | b'u') => {
                let pairs = items.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone()));
                self.made.dicts[at].extend(pairs);
            }
            _ => return Err("its pickle adds to what is no list or dictionary".to_string()),
        }
        Ok(())
    }

    /// The state of an object, or attributes of a dictionary, which say nothing of a model.
    fn build(&mut self) -> Result<(), String> {
        let state = self.pop()?;
        match self.top()? {
            Item::Object(at) => self.made.objects[at].state = state,
            Item::Dict(_) => {}
            _ => return Err("its pickle gives a state to what has none".to_string()),
        }
        Ok(())
    }

    /// `("storage", type, key, device, elements)`
    fn storage(&self, id: &Item) -> Result<Item, String> {
        let refused = || "its pickle names a storage in a way that PyTorch does not".to_string();
        let Some([Item::Text(kind), Item::Global(class), Item::Text(key), ..]) =
            self.made.items(id)
        else {
            return Err(refused());
        };
        let class = class.rsplit('.').next().unwrap_or_default();
        let dtype = storage_type(class).filter(|_| &**kind == "storage").ok_or_else(refused)?;
        Ok(Item::Storage(Rc::new(Storage { key: key.clone(), dtype })))
    }

    /// What a function on the list makes of arguments, or an instance of a class of the model.
    fn call(&mut self, callee: &Item, args: &Item) -> Result<Item, String> {
        let Item::Global(name) = callee else {
            return Err("its pickle calls what is no function".to_string());
        };
        if name.starts_with(SCRIPT) {
            self.made.objects.push(Object { class: name.clone(), state: Item::None });
            return Ok(Item::Object(self.made.objects.len() - 1));
        }
        let args = self.made.items(args).unwrap_or(&[]);
        let makes = ALLOWED.iter().find(|(known, _)| *known == &**name).map(|(_, makes)| *makes);
        let refused = || format!("its pickle calls {name} with arguments that it does not take");
        match makes.ok_or_else(refused)? {
            Makes::Tensor => tensor(&self.made, args).map(|t| Item::Tensor(Rc::new(t))),
            Makes::First => Some(args.first().cloned().unwrap_or(Item::None)),
            Makes::Numbered => match args.first() {
                Some(Item::Int(at)) => usize::try_from(*at).ok().map(Item::Numbered),
                _ => None,
            },
            Makes::Dict => {
                let pairs = args.first().and_then(|list| self.made.items(list)).unwrap_or(&[]);
                self.left = self.left.checked_sub(pairs.len()).ok_or_else(refused)?;
                let pair = |pair| match self.made.items(pair)? {
                    [key, value] => Some((key.clone(), value.clone())),
                    _ => None,
                };
                let pairs = pairs.iter().map(pair).collect::<Option<Vec<_>>>();
                pairs.map(|pairs| {
                    self.made.dicts.push(pairs);
                    Item::Dict(self.made.dicts.len() - 1)
                })
            }
        }
        .ok_or_else(refused)
    }
}

/// `(storage, offset, sizes, strides, …)`, with the element type behind where the storage has none.
fn tensor(made: &Pickle, args: &[Item]) -> Option<Stored> {
    let [Item::Storage(storage), Item::Int(offset), sizes, strides, rest @ ..] = args else {
        return None;
    };
    let numbers = |item: &Item| -> Option<Vec<usize>> {
        let number = |item: &Item| match item {
            Item::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        };
        made.items(item)?.iter().map(number).collect()
    };
    let named = rest.iter().rev().find_map(|item| match item {
        Item::Global(name) => element::of(name.strip_prefix("torch.")?),
        _ => None,
    });
    let (sizes, strides) = (numbers(sizes)?, numbers(strides)?);
    let dtype = named.or(storage.dtype)?;
    let offset = usize::try_from(*offset).ok()?;
    (sizes.len() == strides.len() && sizes.len() <= RANK_MAX).then(|| Stored {
        key: storage.key.clone(),
        dtype,
        offset,
        sizes,
        strides,
    })
}

/// An integer of as many bytes as are there.
fn long(bytes: &[u8]) -> Result<i64, String> {
    if bytes.len() > 8 {
        return Err("its pickle has a number of more than 64 bits".to_string());
    }
    let is_negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut whole = [if is_negative { 0xff } else { 0 }; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    Ok(i64::from_le_bytes(whole))
}
