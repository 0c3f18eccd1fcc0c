import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = ['README.md', 'CONTRIBUTING.md', 'UPGRADING.md', ...pagesIn('docs'), ...pagesIn('examples')]
const OTHER_PAGES = [
  'CHANGELOG.md',
  'SUPPORT.md',
  'CODE_OF_CONDUCT.md',
  'SECURITY.md',
  'deploy/README.md',
  'models/fashion-mnist/README.md',
  'packages/README.md',
]

/** An example of a page as a module that compiles by itself. */
interface Example {
  /** Page and line of its first line of code. */
  readonly name: string
  /** Path of the module, beside the page: it is nowhere but in memory. */
  readonly file: string
  readonly code: string
  /** Lines of `code` before the first one of the page. */
  readonly offset: number
  readonly line: number
}

/**
 * Finds the blocks of TypeScript and JavaScript on a page. A comment before a block, which the page does not show, says what
 * readers know from the text around it:
 *
 * - `<!-- continues -->`: the block continues the one before it.
 * - `<!-- given model: Module, batch: Float32Array -->`: these variables exist, with types of napi-torch or of the language.
 * - `<!-- not compiled: reason -->`
 */
function examplesOf(page: string): Example[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8')
  const examples: Example[] = []
  let before = ''
  for (const match of text.matchAll(/(?:<!-- (.+?) -->\n)?^```(?:ts|js)\n([\s\S]*?)^```$/gm)) {
    const [whole, note = '', block = ''] = match
    const line = text.slice(0, match.index + whole.indexOf('```')).split('\n').length + 1
    if (note.startsWith('not compiled: ')) continue
    const known = note === 'continues' ? before : declarationsOf(note, page)
    const code = `${known}${block}`
    before = code
    examples.push({
      name: `${page}:${line}`,
      file: path.join(ROOT, path.dirname(page), `${path.basename(page)}.${line}.mts`),
      code: `${code}\nexport {}\n`,
      offset: known.split('\n').length - 1,
      line,
    })
  }
  return examples
}

function declarationsOf(note: string, page: string): string {
  if (note === '') return ''
  const given = /^given (.+)$/.exec(note)?.[1]
  assert.ok(given !== undefined, `${page} has an example with the comment ${note}, which says nothing to this test`)
  const list = given.split(/, (?=\w+: )/).map((each) => {
    const [name = '', type = ''] = each.split(': ')
    return `declare const ${name}: ${type.replace(/\b(?:Module|Tensor|Engine|StateDict|Classifier)\b/g, "import('napi-torch').$&")}\n`
  })
  return list.join('')
}

function pagesIn(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)
}

/** Compiles modules that are in memory with the settings of tsconfig.json, as a strict project of a user has them. */
function compilerOf(examples: readonly Example[]): ts.Program {
  const config: unknown = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT)
  // What an example makes, it need not use.
  Object.assign(options, { noUnusedLocals: false, noUnusedParameters: false })
  const codes = new Map(examples.map(({ file, code }) => [file, code]))
  const host = ts.createCompilerHost(options)
  const onDisk = ts.createCompilerHost(options)
  host.fileExists = (file) => codes.has(file) || onDisk.fileExists(file)
  host.readFile = (file) => codes.get(file) ?? onDisk.readFile(file)
  host.getSourceFile = (file, version, ...rest) => {
    const code = codes.get(file)
    return code === undefined
      ? onDisk.getSourceFile(file, version, ...rest)
      : ts.createSourceFile(file, code, version, true)
  }
  return ts.createProgram([...codes.keys()], options, host)
}

describe('The examples of README and docs', function () {
  this.timeout(180_000)
  const examples = PAGES.flatMap(examplesOf)
  let program: ts.Program

  before(() => {
    program = compilerOf(examples)
  })

  it('are found', () => {
    assert.ok(examples.length >= 12, `${examples.length} were found`)
  })

  for (const { name, file, offset, line: first } of examples) {
    it(`compile in strict mode: ${name}`, () => {
      const source = program.getSourceFile(file)
      const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]

      const texts = faults.map(({ start = 0, messageText }) => {
        const line = (source?.getLineAndCharacterOfPosition(start).line ?? 0) - offset + first
        return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`
      })
      assert.deepEqual(texts, [])
    })
  }
})

/** Links of a page to files of the project and to headings: `[text](target)`, and images. */
function linksOf(page: string): string[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, target = '']) => target)
}

/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replace(/^```[\s\S]*?^```$/gm, '')
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

describe('The links of README, docs and other pages', () => {
  for (const page of [...PAGES, ...OTHER_PAGES]) {
    it(`lead to files and headings: ${page}`, () => {
      const broken = linksOf(page).filter((link) => {
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path.join(ROOT, page) : path.join(ROOT, path.dirname(page), file)
        if (!existsSync(target)) return true
        return anchor !== undefined && !anchorsOf(target).includes(anchor)
      })

      assert.deepEqual(broken, [])
    })
  }
})

describe('The home page', () => {
  const numbers = [...readFileSync(path.join(ROOT, 'docs/index.md'), 'utf8').matchAll(/^- \*\*([\d.]+) (?:×|ms)\*\*/gm)]

  it('has three numbers', () => {
    assert.equal(numbers.length, 3)
  })

  for (const [, number = ''] of numbers) {
    it(`has numbers of docs/benchmarks.md alone: ${number}`, () => {
      const page = readFileSync(path.join(ROOT, 'docs/benchmarks.md'), 'utf8')

      assert.ok(new RegExp(`(?<![\\d.])${number.replace('.', '\\.')}(?![\\d.]\\d)`).test(page))
    })
  }
})
