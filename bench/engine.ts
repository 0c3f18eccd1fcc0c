/**
 * Measures the engine: ResNet-18 against onnxruntime-node and Python's PyTorch, contenders interleaved in one run, and what a
 * program that answers requests needs to know besides. The figures of docs/benchmarks.md come from here.
 *
 * npm run bench -- [--only speed,clients] [--models imagenet,cifar] [--batches 1,8] [--contenders ort,engine-native]
 *   [--rounds 5] [--seconds 1] [--runs 10000] [--json bench/results/engine.json] [--svg bench/results/engine.svg] [--docs]
 *
 * `NAPI_TORCH_TEST_PYTHON` names a Python with torch, which makes the networks, and onnx, which is needed for
 * onnxruntime's. --docs puts the tables into docs/benchmarks.md.
 */
import { BENCHES } from './engine/benches.js'
import { writeDocs } from './engine/docs.js'
import { readOptions } from './engine/options.js'
import { readReport, writeReport } from './engine/report.js'
import { Witness } from './engine/witness.js'
import { describeMachine, printMachine } from './support/machine.js'

const options = readOptions(process.argv.slice(2))
const machine = describeMachine()
printMachine(machine)
if (Witness.failure !== null) console.log(`No peak check: ${Witness.failure}`)
let report = readReport(options.json)
try {
  for (const name of options.only) {
    const section = await BENCHES[name](options)
    console.log(`\n${section.text}`)
    report = { ...report, [name]: { machine, at: new Date().toISOString(), ...section } }
    // What has been measured is kept if the next one fails.
    writeReport(options.json, report)
  }
} finally {
  Witness.dispose()
}
if (options.docs) writeDocs(report)
