//! Replacing nodes by others, in one walk over the graph.

use ir::{Fact, Graph, Node, Op, ValueId};
use std::collections::HashMap;
use std::sync::Arc;
use tensor::Tensor;

/// Offers each node to `rule`, operands first. Where the rule gives a value of the same type and
/// shape, the node is dropped and that value takes the place of what it made. What only the
/// dropped nodes needed stays for `eliminate_dead`. Gives the number of nodes replaced.
pub(crate) fn rewrite(
    graph: &mut Graph,
    mut rule: impl FnMut(&mut Rewriter<'_>, &Node) -> Option<ValueId>,
) -> usize {
    let mut rewriter = Rewriter::new(graph);
    let mut replaced: HashMap<ValueId, ValueId> = HashMap::new();
    let resolve = |replaced: &HashMap<ValueId, ValueId>, id: &mut ValueId| {
        *id = replaced.get(id).copied().unwrap_or(*id);
    };
    for index in 0..rewriter.old.len() {
        let mut node = rewriter.old[index].clone();
        node.inputs.iter_mut().for_each(|id| resolve(&replaced, id));
        rewriter.offered = Some(node.clone());
        let mark = rewriter.graph.nodes.len();
        // A rule gives one value: nodes that make several are left alone.
        let is_offered = node.further.is_empty() && rewriter.uses[node.output.0 as usize] > 0;
        let value = if is_offered { rule(&mut rewriter, &node) } else { None };
        match value {
            Some(new) if rewriter.graph.fact(new) == rewriter.graph.fact(node.output) => {
                rewriter.replace(&node, new, mark);
                replaced.insert(node.output, new);
            }
            Some(_) | None => {
                rewriter.undo(mark);
                rewriter.push(node);
            }
        }
    }
    for output in &mut rewriter.graph.outputs {
        resolve(&replaced, &mut output.value);
    }
    replaced.len()
}

/// What a rule sees of the graph: everything before the node that it is offered, already
/// rewritten.
pub(crate) struct Rewriter<'g> {
    graph: &'g mut Graph,
    /// The nodes as they were.
    old: Vec<Node>,
    /// Which node of `graph` makes a value.
    maker: HashMap<ValueId, usize>,
    /// How many nodes and outputs take each value.
    uses: Vec<usize>,
    /// The node that the rule is looking at.
    offered: Option<Node>,
}

impl Rewriter<'_> {
    fn new(graph: &mut Graph) -> Rewriter<'_> {
        let uses = graph.use_counts();
        let old = std::mem::take(&mut graph.nodes);
        Rewriter { graph, old, maker: HashMap::new(), uses, offered: None }
    }

    /// Adds a node before the one that is offered; `None` when the inputs break its rule.
    pub(crate) fn add(&mut self, op: Op, inputs: &[ValueId]) -> Option<ValueId> {
        let name = self.offered.as_ref().map_or("", |node| &node.name);
        let id = self.graph.add(name, op, inputs).ok()?;
        self.maker.insert(id, self.graph.nodes.len() - 1);
        self.uses.push(0);
        inputs.iter().for_each(|id| self.uses[id.0 as usize] += 1);
        Some(id)
    }

    /// Adds a constant.
    pub(crate) fn constant(&mut self, tensor: impl Into<Arc<Tensor>>) -> ValueId {
        self.uses.push(0);
        let name = self.offered.as_ref().map_or("", |node| &node.name);
        self.graph.constant(name, tensor)
    }

    /// Type and shape of a value.
    pub(crate) fn fact(&self, id: ValueId) -> Fact {
        self.graph.fact(id)
    }

    /// The elements of a value, when they are known.
    pub(crate) fn known(&self, id: ValueId) -> Option<&Arc<Tensor>> {
        self.graph.known(id)
    }

    /// The node that makes a value; none makes inputs and constants.
    pub(crate) fn node(&self, id: ValueId) -> Option<&Node> {
        let offered = self.offered.as_ref().filter(|node| node.output == id);
        offered.or_else(|| self.maker.get(&id).map(|&index| &self.graph.nodes[index]))
    }

    /// Does exactly one node or output take this value?
    pub(crate) fn is_used_once(&self, id: ValueId) -> bool {
        self.uses[id.0 as usize] == 1
    }

    fn push(&mut self, node: Node) {
        for id in node.outputs() {
            self.maker.insert(id, self.graph.nodes.len());
        }
        self.graph.nodes.push(node);
    }

    /// Hands the users of what `node` makes over to `new`.
    fn replace(&mut self, node: &Node, new: ValueId, mark: usize) {
        let users = std::mem::take(&mut self.uses[node.output.0 as usize]);
        self.uses[new.0 as usize] += users;
        if self.maker.get(&new).is_some_and(|&index| index >= mark) {
            let name = self.graph.value(node.output).name.clone();
            self.graph.values[new.0 as usize].name = name;
        }
        self.release(&node.inputs);
    }

    /// Takes one use from each value; what is then unused takes its own inputs no more.
    fn release(&mut self, inputs: &[ValueId]) {
        let mut released = inputs.to_vec();
        while let Some(id) = released.pop() {
            let uses = &mut self.uses[id.0 as usize];
            *uses -= 1;
            if *uses == 0
                && let Some(node) = self.node(id)
                && node.outputs().all(|made| self.uses[made.0 as usize] == 0)
            {
                released.extend(node.inputs.clone());
            }
        }
    }

    /// Takes back the nodes that a rule added before it gave up.
    fn undo(&mut self, mark: usize) {
        for node in self.graph.nodes.split_off(mark) {
            self.maker.remove(&node.output);
            node.inputs.iter().for_each(|id| self.uses[id.0 as usize] -= 1);
        }
    }
}
