#!/usr/bin/env node
// Tells how far a server follows the Open Inference Protocol v2 over REST or gRPC, and its extensions.
//
// node run.mjs URL [--model NAME] [--token TOKEN] [--json]
//
// URL is http://HOST:PORT for REST, grpc://HOST:PORT for gRPC. REST needs Node.js 20 and nothing else. Ends with 1 if a case fails, with 2 if the server cannot be asked.

import process from 'node:process'
import { parseArgs } from 'node:util'

import { runSuite, tableOf } from './suite.mjs'

const USAGE = 'Usage: node run.mjs URL [--model NAME] [--token TOKEN] [--json]'

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { model: { type: 'string' }, token: { type: 'string' }, json: { type: 'boolean', default: false } },
  })
  const [url] = positionals
  if (url === undefined || positionals.length > 1) throw new Error(USAGE)
  const { server, model, rows } = await runSuite(url, values)
  if (values.json) {
    console.log(JSON.stringify({ server, model, rows }, null, 2))
  } else {
    const count = (result) => rows.filter((row) => row.result === result).length
    console.log(`${server}, model ${model}\n\n${tableOf(rows)}\n`)
    console.log(`${count('pass')} passed, ${count('fail')} failed, ${count('skip')} skipped`)
  }
  return rows.some(({ result }) => result === 'fail') ? 1 : 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error.cause?.message === undefined ? error.message : `${error.message}: ${error.cause.message}`)
  process.exitCode = 2
}
