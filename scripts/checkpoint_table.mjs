// Says of each file in a folder what becomes of it, as a table in Markdown: node scripts/checkpoint_table.mjs FOLDER [FILE…]
//
// Uses the built package (npm run build), or the sources with --conditions=napi-torch-source --import tsx. A file is opened as
// `classify` opens it. Where that is refused with options to type, it is opened with each of them as well; where it holds no
// network, the table says what `inspect` finds in it.

import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'

import { openModel, readCheckpoint, scope, zeros } from 'napi-torch'

/** Options as messages of errors write them: `{ prefix: 'student.' }` or `stem: 'maxpool'`. */
const SUGGESTED = /\b(prefix|stem|key): '([^']*)'|\b(wholeModule): true/g

const [folder, ...names] = process.argv.slice(2)
if (folder === undefined) {
  console.error('Usage: node scripts/checkpoint_table.mjs FOLDER [FILE…]')
  process.exit(1)
}

const files = names.length > 0 ? names : readdirSync(folder).filter((name) => !name.endsWith('.md'))
console.log('| file | command | result |')
console.log('| --- | --- | --- |')
for (const name of files) await reportFile(join(folder, name))

async function reportFile(path) {
  const error = await reportOpening(path, {})
  if (error === null) return
  for (const options of suggestedOptions(error.message)) await reportOpening(path, options)
  await reportReading(path)
}

/** Prints a row. Gives the error, or null where the file was opened. */
async function reportOpening(path, options) {
  const command = Object.keys(options).length === 0 ? 'openModel(f)' : `openModel(f, ${write(options)})`
  try {
    const result = await scope(async () => {
      const opened = await openModel(path, options)
      const { architecture, renamed, unused, labels, inputShape } = opened
      // One pass shows that what was built also runs.
      const [logit] = opened.model.forward(zeros([1, ...inputShape])).toArray()
      const parts = [
        `${architecture.name}, ${architecture.numClasses} classes, logit 0 of a black image ${logit.toPrecision(6)}`,
      ]
      if (renamed.size > 0) parts.push(`${renamed.size} keys renamed`)
      if (unused.length > 0) parts.push(`unused: ${unused.slice(0, 3).join(', ')}${unused.length > 3 ? ', …' : ''}`)
      if (labels !== null) parts.push(`labels: ${labels.slice(0, 3).join(', ')}`)
      return parts.join('; ')
    })
    row(path, command, result)
    return null
  } catch (error) {
    row(path, command, failure(error))
    return error
  }
}

/** Prints what is in a file, whatever it is. */
async function reportReading(path) {
  try {
    const { format, root } = await readCheckpoint(path)
    const keys = root instanceof Map ? [...root.keys()] : []
    const shown = keys.slice(0, 3).join(', ')
    row(path, 'readCheckpoint(f)', `${format}${keys.length > 0 ? `: ${shown}${keys.length > 3 ? ', …' : ''}` : ''}`)
  } catch (error) {
    row(path, 'readCheckpoint(f)', failure(error))
  }
}

function suggestedOptions(message) {
  const found = new Map()
  for (const [, name, value, flag] of message.matchAll(SUGGESTED)) {
    const options = flag === undefined ? { [name]: value } : { [flag]: true }
    found.set(write(options), options)
  }
  return [...found.values()]
}

function write(options) {
  const [[name, value]] = Object.entries(options)
  return `{ ${name}: ${typeof value === 'string' ? `'${value}'` : value} }`
}

/** A refusal has a code; what has none is a fault of the package. */
function failure(error) {
  return `${error.code ?? `FAULT ${error.name}`}: ${error.message}`
}

function row(path, command, result) {
  const cells = [basename(path), `\`${command}\``, result.replaceAll(/\s*\n\s*/g, ' ⏎ ').replaceAll('|', '\\|')]
  console.log(`| ${cells.join(' | ')} |`)
}
