// Writes a folder of small models as TensorFlow.js saves them, with random weights, inputs, and what
// TensorFlow.js answers. `pack.py` makes `layers.zip.zst` of it.
//
//     npm install @tensorflow/tfjs@4.22.0
//     node make.mjs FOLDER && python pack.py FOLDER

import fs from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";

const L = tf.layers;

// Numbers by chance, the same again: the generator of Park and Miller.
let state = 1;
function chance() {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
}

function values(shape, low = -1, high = 1) {
  const count = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(Float32Array.from({ length: count }, () => low + chance() * (high - low)), shape);
}

function single(shape, ...layers) {
  return () => {
    const model = tf.sequential();
    layers.forEach((make, at) => model.add(at ? make({}) : make({ inputShape: shape })));
    return model;
  };
}

const of = (layer, config = {}) => (more) => layer({ ...config, ...more });
const image = [6, 7, 3];

const cases = {
  dense: single([4], of(L.dense, { units: 3, activation: "relu" })),
  conv: single(image, of(L.conv2d, { filters: 4, kernelSize: 3, strides: 2, padding: "same" })),
  conv_1d: single([7, 3], of(L.conv1d, { filters: 4, kernelSize: 3 })),
  conv_transpose: single(image, of(L.conv2dTranspose, { filters: 4, kernelSize: 3, strides: 2 })),
  depthwise: single(image, of(L.depthwiseConv2d, { kernelSize: 3, depthMultiplier: 2 })),
  separable: single(image, of(L.separableConv2d, { filters: 4, kernelSize: 3 })),
  batch_norm: single(image, of(L.batchNormalization)),
  layer_norm: single([5, 4], of(L.layerNormalization)),
  max_pool: single(image, of(L.maxPooling2d, { poolSize: 2, padding: "same" })),
  average_pool: single(image, of(L.averagePooling2d, { poolSize: 2 })),
  global_pool: single(image, of(L.globalAveragePooling2d), of(L.softmax)),
  flatten: single(image, of(L.flatten), of(L.dropout, { rate: 0.5 })),
  up_sampling: single(image, of(L.upSampling2d, { size: [2, 2] })),
  pad: single(image, of(L.zeroPadding2d, { padding: 1 }), of(L.cropping2D, { cropping: 2 })),
  prelu: single([4], of(L.prelu)),
  leaky_relu: single([4], of(L.leakyReLU, { alpha: 0.2 }), of(L.elu)),
  relu6: single([4], of(L.reLU, { maxValue: 6 }), of(L.activation, { activation: "tanh" })),
  reshape: single([4, 6], of(L.reshape, { targetShape: [8, 3] }), of(L.permute, { dims: [2, 1] })),
  repeat: single([4], of(L.repeatVector, { n: 3 })),
  lstm: single([5, 4], of(L.lstm, { units: 3 })),
  gru: single([5, 4], of(L.gru, { units: 3, returnSequences: true })),
  simple_rnn: single([5, 4], of(L.simpleRNN, { units: 3 })),
  bidirectional: single([5, 4], (more) =>
    L.bidirectional({ layer: L.lstm({ units: 3 }), mergeMode: "concat", ...more })),
  time_distributed: single([5, 4], (more) =>
    L.timeDistributed({ layer: L.dense({ units: 3 }), ...more })),
  frozen: single(image, of(L.conv2d, { filters: 4, kernelSize: 3, trainable: false }),
    of(L.batchNormalization, { trainable: false }), of(L.flatten), of(L.dense, { units: 2 })),
  merged() {
    const [a, b] = [tf.input({ shape: [4] }), tf.input({ shape: [4] })];
    const dense = L.dense({ units: 3 });
    const [x, y] = [dense.apply(a), dense.apply(b)];
    const joined = L.concatenate().apply([L.add().apply([x, y]), L.multiply().apply([x, y])]);
    return tf.model({ inputs: [a, b], outputs: L.dense({ units: 2 }).apply(joined) });
  },
  nested() {
    const inner = tf.sequential();
    inner.add(L.conv2d({ inputShape: image, filters: 4, kernelSize: 3, activation: "relu" }));
    inner.add(L.batchNormalization());
    const start = tf.input({ shape: image });
    const x = L.globalMaxPooling2d({}).apply(inner.apply(start));
    return tf.model({ inputs: start, outputs: L.dense({ units: 2 }).apply(x) });
  },
};

// Of weights of integers the converter stores steps of a range.
const forms = {
  plain: (x) => [Buffer.from(x.buffer), undefined],
  uint8: (x) => steps(x, Uint8Array, "uint8"),
  uint16: (x) => steps(x, Uint16Array, "uint16"),
  float16: (x) => [halves(x), { dtype: "float16", original_dtype: "float32" }],
};

function steps(x, Kind, dtype) {
  const [min, max] = [Math.min(0, ...x), Math.max(0, ...x)];
  const scale = (max - min) / (2 ** (8 * Kind.BYTES_PER_ELEMENT) - 1) || 1;
  return [Buffer.from(Kind.from(x, (v) => Math.round((v - min) / scale)).buffer), { dtype, scale, min }];
}

// The weights here lie in the range of normal halves; what does not fit is cut off.
function halves(x) {
  const made = new Uint16Array(x.length);
  x.forEach((value, at) => {
    const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
    const exponent = ((bits >>> 23) & 0xff) - 112;
    made[at] = exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff);
  });
  return Buffer.from(made.buffer);
}

// The numbers that TensorFlow.js reads from such files.
async function loaded(topology, manifest, bytes) {
  const weights = manifest[0].weights;
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology: topology, weightSpecs: weights, weightData }));
}

async function write(folder, name, build, form) {
  const model = build();
  model.setWeights(model.getWeights(false).map((w) => values(w.shape, 0.05, 0.8)));
  let saved;
  await model.save(tf.io.withSaveHandler(async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
  }));
  const data = new Float32Array(tf.io.CompositeArrayBuffer
    ? tf.io.CompositeArrayBuffer.join(saved.weightData) : saved.weightData);
  let at = 0;
  const parts = [];
  const weights = saved.weightSpecs.map((spec) => {
    const count = spec.shape.reduce((a, b) => a * b, 1);
    const [bytes, quantization] = forms[form](data.slice(at, (at += count)));
    parts.push(bytes);
    return quantization ? { ...spec, quantization } : spec;
  });
  const whole = Buffer.concat(parts);
  // In two files, one of which ends in the midst of a number.
  const half = Math.min(whole.length, 7);
  const manifest = [{ paths: ["group1-shard1of2.bin", "group1-shard2of2.bin"], weights }];
  const json = {
    format: "layers-model", generatedBy: `TensorFlow.js tfjs-layers v${tf.version_layers}`,
    convertedBy: null, modelTopology: saved.modelTopology, weightsManifest: manifest,
  };
  const place = path.join(folder, `${name}_${form}`);
  fs.mkdirSync(place, { recursive: true });
  fs.writeFileSync(path.join(place, "model.json"), JSON.stringify(json));
  fs.writeFileSync(path.join(place, "group1-shard1of2.bin"), whole.subarray(0, half));
  fs.writeFileSync(path.join(place, "group1-shard2of2.bin"), whole.subarray(half));
  const again = await loaded(saved.modelTopology, manifest, whole);
  const inputs = again.inputs.map((x) => values([2, ...x.shape.slice(1)]));
  const outputs = [again.predict(inputs)].flat();
  const port = (x) => ({ dtype: "f32", shape: x.shape });
  fs.writeFileSync(path.join(place, "case.json"),
    JSON.stringify({ inputs: inputs.map(port), outputs: outputs.map(port) }));
  const elements = [...inputs, ...outputs].map((x) => Buffer.from(x.dataSync().slice().buffer));
  fs.writeFileSync(path.join(place, "values.bin"), Buffer.concat(elements));
}

const folder = process.argv[2];
for (const [name, build] of Object.entries(cases)) {
  for (const form of name === "nested" ? Object.keys(forms) : ["plain"]) {
    try {
      await write(folder, name, build, form);
    } catch (error) {
      console.log(`not made: ${name} ${form}: ${error.message.slice(0, 300)}`);
    }
  }
}
