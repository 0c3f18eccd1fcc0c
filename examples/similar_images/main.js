import { createRequire } from 'node:module'

import { Classifier, imageFiles } from 'napi-torch'

const [folder, query, checkpoint] = process.argv.slice(2)
if (query === undefined) throw new Error('Expected node main.js FOLDER IMAGE [CHECKPOINT]')
const sample = createRequire(import.meta.url).resolve('@napi-torch/fashion-mnist/resnet18-fashion-mnist.pth')

const classifier = await Classifier.load(checkpoint ?? sample)

const paths = []
for await (const path of imageFiles(folder)) paths.push(path)
const vectors = (await classifier.features(paths)).map(unit)
const wanted = unit(await classifier.features(query))
await classifier.close()

vectors
  .map((vector, index) => ({ path: paths[index], score: dot(wanted, vector) }))
  .sort((a, b) => b.score - a.score)
  .slice(0, 5)
  .forEach(({ path, score }) => console.log(score.toFixed(3), path))

function dot(a, b) {
  return a.reduce((sum, value, index) => sum + value * b[index], 0)
}

/** Of unit vectors the dot product is the cosine of the angle between them. */
function unit(vector) {
  const length = Math.sqrt(dot(vector, vector))
  return vector.map((value) => value / length)
}
