// Writes `real.json`: what TensorFlow.js answers for a model that does not lie here.
//
//     node real.mjs PATH_OF_MODEL_JSON

import fs from "node:fs";
import path from "node:path";
import * as tf from "@tensorflow/tfjs";

const json = JSON.parse(fs.readFileSync(process.argv[2]));
const folder = path.dirname(process.argv[2]);
const parts = json.weightsManifest.flatMap((group) => group.paths)
  .map((name) => fs.readFileSync(path.join(folder, name)));
const bytes = Buffer.concat(parts);
const weightSpecs = json.weightsManifest.flatMap((group) => group.weights);
const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
const model = await tf.loadLayersModel(
  tf.io.fromMemory({ modelTopology: json.modelTopology, weightSpecs, weightData }));
const shape = [1, ...model.inputs[0].shape.slice(1)];
const count = shape.reduce((a, b) => a * b, 1);
const pixels = Float32Array.from({ length: count }, (_, at) => ((at * 7919) % 255) / 255);
const answer = Array.from(model.predict(tf.tensor(pixels, shape)).dataSync());
fs.writeFileSync("real.json", JSON.stringify({ nsfwjs: answer }) + "\n");
