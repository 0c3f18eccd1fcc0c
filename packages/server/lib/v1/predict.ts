import { JsonWriter } from '../oip/json_writer.js'
import { areFinite, rowsOf, type Computed } from '../oip/response.js'
import { badRequest } from '../status.js'
import { Turns } from '../turns.js'

// The response of version 1 of KServe's protocol, which is that of TensorFlow Serving.

/**
 * Encodes the predictions of a response, one for each instance: a row of numbers; of a model with several outputs, a row by the
 * name of each.
 *
 * @throws {TorchError} `TORCH_REQUEST` for NaN or infinity, which JSON cannot express.
 */
export async function encodePredictions(
  computed: Pick<Computed, 'logits' | 'activation' | 'outputs'>,
): Promise<readonly Buffer[]> {
  const turns = new Turns()
  const columns: (readonly [name: string, rows: readonly Float32Array[]])[] = []
  for (const { name, kind } of computed.outputs) {
    const rows = await rowsOf(kind, computed, turns)
    if (!(await areFinite(rows, turns))) {
      throw badRequest(
        `Expected finite numbers in the output '${name}', received NaN or infinity, which JSON cannot express`,
      )
    }
    columns.push([name, rows])
  }
  const writer = new JsonWriter(turns)
  writer.add('{"predictions":[')
  for (const index of computed.logits.keys()) {
    writer.add(index === 0 ? '' : ',')
    for (const [column, [name, rows]] of columns.entries()) {
      if (columns.length > 1) writer.add(`${column === 0 ? '{' : ','}${JSON.stringify(name)}:`)
      await writer.addArray([rows[index] ?? new Float32Array()])
    }
    if (columns.length > 1) writer.add('}')
  }
  writer.add(']}')
  return writer.end()
}
