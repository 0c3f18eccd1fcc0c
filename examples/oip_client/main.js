// The Open Inference Protocol v2 by fetch alone: any server that speaks it answers, Triton and KServe too.

const [server = 'http://127.0.0.1:8000', name] = process.argv.slice(2)
if (name === undefined) throw new Error('Expected node main.js http://HOST:PORT MODEL')
const model = `${server}/v2/models/${encodeURIComponent(name)}`

/** What the server says of the model; -1 stands for a size that the request decides. */
const { inputs, outputs } = await answerOf(await fetch(model))
const [{ name: inputName, shape: declared }] = inputs
const shape = declared.map((size) => (size === -1 ? 1 : size))
const length = shape.reduce((product, size) => product * size, 1)
const data = Float32Array.from({ length }, (_, index) => Math.sin(index))
const wanted = outputs[0].name
console.log(
  `${name} reads ${inputName} [${shape.join(', ')}] and gives ${outputs.map((output) => output.name).join(', ')}`,
)

// As JSON: short to write, and five times as many bytes.
const request = { inputs: [{ name: inputName, datatype: 'FP32', shape, data: [...data] }], outputs: [{ name: wanted }] }
const json = await answerOf(
  await fetch(`${model}/infer`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  }),
)
const first = json.outputs.find((output) => output.name === wanted)
console.log(`JSON:   ${wanted} [${first.shape.join(', ')}], the largest is element ${largest(first.data)}`)

// As bytes, with a header of JSON that says how many there are: the binary data extension of Triton.
const header = JSON.stringify({
  inputs: [{ name: inputName, datatype: 'FP32', shape, parameters: { binary_data_size: data.byteLength } }],
  outputs: [{ name: wanted, parameters: { binary_data: true } }],
})
const response = await fetch(`${model}/infer`, {
  method: 'POST',
  headers: {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': String(Buffer.byteLength(header)),
  },
  body: Buffer.concat([Buffer.from(header), Buffer.from(data.buffer)]),
})
if (!response.ok) throw new Error(await response.text())
const body = await response.arrayBuffer()
const logits = new Float32Array(body.slice(Number(response.headers.get('inference-header-content-length'))))
console.log(`Binary: ${wanted}, ${logits.length} numbers, the largest is element ${largest(logits)}`)

async function answerOf(response) {
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return response.json()
}

function largest(values) {
  return values.reduce((best, value, index) => (value > values[best] ? index : best), 0)
}
