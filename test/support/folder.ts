import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Gives each test of the current `describe` an empty folder of its own, removed afterwards. */
export function useTemporaryFolder(): () => string {
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'napi-torch-test-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))
  return () => folder
}

/** Sets variables of this process's environment for each test of the current `describe`; undefined takes one away. */
export function useEnvironment(variables: () => Readonly<Record<string, string | undefined>>): void {
  let before: Record<string, string | undefined> = {}
  beforeEach(() => {
    const values = variables()
    before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]))
    setEnvironment(values)
  })
  afterEach(() => setEnvironment(before))
}

/** Writes files, named relative to `folder`, with the folders that they need. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
  }
  return folder
}

function setEnvironment(values: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
}
