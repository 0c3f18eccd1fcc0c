/**
 * Writes docs/layers.md: every layer, function and method of tensors beside PyTorch's, from the comments and signatures of the
 * sources. A test compares.
 *
 * node --conditions=napi-torch-source --import tsx scripts/layers_page.ts
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import * as torch from 'napi-torch'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const PAGE = join(ROOT, 'docs', 'layers.md')

interface Row {
  readonly name: string
  readonly python: string
  readonly call: string
  readonly options: string
  readonly differences: string
}

/** The declarations of the folders that define layers and tensors. */
class Sources {
  readonly classes = new Map<string, ts.ClassDeclaration>()
  readonly functions = new Map<string, ts.FunctionDeclaration[]>()
  readonly #options = new Map<string, ts.InterfaceDeclaration>()
  readonly #aliases = new Map<string, ts.TypeAliasDeclaration>()

  constructor(folders: readonly string[]) {
    for (const folder of folders) {
      for (const file of readdirSync(join(ROOT, folder)).sort()) this.#read(join(ROOT, folder, file))
    }
  }

  /** Names of the options that a type has, with those of the types that it extends. */
  optionsOf(type: ts.TypeNode | undefined): string[] {
    if (type === undefined) return []
    if (ts.isUnionTypeNode(type)) return [...new Set(type.types.flatMap((each) => this.optionsOf(each)))]
    if (ts.isTypeLiteralNode(type)) return type.members.map((member) => member.name?.getText() ?? '')
    if (!ts.isTypeReferenceNode(type)) return []
    return this.#named(type.typeName.getText(), type.typeArguments)
  }

  #named(name: string, parameters: readonly ts.TypeNode[] | undefined): string[] {
    if (name === 'Omit') {
      const [from, left] = parameters ?? []
      return this.optionsOf(from).filter((option) => !(left?.getText() ?? '').includes(`'${option}'`))
    }
    const alias = this.#aliases.get(name)
    if (alias !== undefined) return this.optionsOf(alias.type)
    const found = this.#options.get(name)
    if (found === undefined || !/(Options|Bounds)$/.test(name)) return []
    const inherited = (found.heritageClauses ?? []).flatMap(({ types }) =>
      types.flatMap((each) => this.#named(each.expression.getText(), each.typeArguments)),
    )
    return [...found.members.map((member) => member.name?.getText() ?? ''), ...inherited]
  }

  #read(path: string): void {
    const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2022, true)
    for (const statement of file.statements) {
      if (ts.isClassDeclaration(statement) && statement.name !== undefined) {
        this.classes.set(statement.name.text, statement)
      } else if (ts.isFunctionDeclaration(statement) && statement.name !== undefined) {
        const overloads = this.functions.get(statement.name.text) ?? []
        this.functions.set(statement.name.text, [...overloads, statement])
      } else if (ts.isInterfaceDeclaration(statement)) this.#options.set(statement.name.text, statement)
      else if (ts.isTypeAliasDeclaration(statement)) this.#aliases.set(statement.name.text, statement)
    }
  }
}

type Callable = ts.FunctionDeclaration | ts.MethodDeclaration | ts.ConstructorDeclaration

/** Makes the page. */
export function layersPage(): string {
  const sources = new Sources(['lib/nn', 'lib/tensor'])
  const layers = Object.entries(torch).filter(([, value]) => isLayer(value))
  const functions = Object.keys(torch.functional).filter((name) => sources.functions.has(name))
  return [
    '# Layers, functions and methods',
    '',
    'Every layer, function and method of tensors beside that of PyTorch which it follows, made by `scripts/layers_page.ts` from the',
    "comments of the sources. Names of options are PyTorch's in camelCase, defaults are PyTorch's: [From PyTorch](from_pytorch.md) tells",
    "how arguments are given. What is not here can be called by its schema: `ops.aten('aten::pixel_unshuffle', x, 2)`.",
    '',
    ...section(
      'Layers',
      layers.map(([name]) => layerRow(sources, name)).filter((row) => row !== null),
    ),
    ...section(
      'Functions',
      functions.sort().map((name) => functionRow(sources, name)),
    ),
    ...section('Methods of tensors', methodRows(sources)),
  ].join('\n')
}

function isLayer(value: unknown): boolean {
  return typeof value === 'function' && value.prototype instanceof torch.Module && value !== torch.Module
}

function section(title: string, rows: readonly Row[]): string[] {
  const lines = rows.map(({ name, python, call, options, differences }) => {
    return `| \`${name}\` | ${python} | \`${call}\` | ${options} | ${differences} |`
  })
  return [
    `## ${title}`,
    '',
    '| here | PyTorch | call | options | differences |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ]
}

/** Null for networks, which are no layers of PyTorch's. */
function layerRow(sources: Sources, name: string): Row | null {
  const declared = sources.classes.get(name)
  if (declared === undefined) return null
  const own = constructorsOf(sources, declared)
  return row(sources, { name, declaration: declared, calls: own, prefix: 'new ', python: `torch.nn.${name}` })
}

function constructorsOf(sources: Sources, declared: ts.ClassDeclaration): readonly Callable[] {
  const own = declared.members.filter(ts.isConstructorDeclaration)
  if (own.length > 0) return own
  const base = declared.heritageClauses?.[0]?.types[0]?.expression.getText() ?? ''
  const above = sources.classes.get(base)
  return above === undefined ? [] : constructorsOf(sources, above)
}

function functionRow(sources: Sources, name: string): Row {
  const overloads = sources.functions.get(name) ?? []
  const [declaration] = overloads
  if (declaration === undefined) throw new TypeError(`${name} has no declaration`)
  return row(sources, { name, declaration, calls: overloads, prefix: '', python: `torch.nn.functional.${snake(name)}` })
}

function methodRows(sources: Sources): Row[] {
  const classes = ['TensorViews', 'TensorIndexing', 'TensorArithmetic', 'TensorMath', 'Tensor']
  const methods = new Map<string, ts.MethodDeclaration[]>()
  for (const member of classes.flatMap((name) => [...(sources.classes.get(name)?.members ?? [])])) {
    if (!ts.isMethodDeclaration(member) || !ts.isIdentifier(member.name)) continue
    if (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Protected) continue
    methods.set(member.name.text, [...(methods.get(member.name.text) ?? []), member])
  }
  return [...methods]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([name, calls]) => {
      const [declaration] = calls
      return declaration === undefined
        ? []
        : [row(sources, { name, declaration, calls, prefix: 'x.', python: `torch.Tensor.${snake(name)}` })]
    })
}

interface Entry {
  readonly name: string
  readonly declaration: ts.Node
  readonly calls: readonly Callable[]
  readonly prefix: string
  /** Where the comment does not say what it follows. */
  readonly python: string
}

function row(sources: Sources, { name, declaration, calls, prefix, python }: Entry): Row {
  const text = ts
    .getJSDocCommentsAndTags(declaration)
    .filter(ts.isJSDoc)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
  const comment = text.join(' ').replaceAll(/\s+/g, ' ')
  const signatures = calls.length > 1 ? calls.slice(0, -1) : calls
  const [first] = signatures
  const required = (first?.parameters ?? []).filter(
    (each) => each.questionToken === undefined && each.initializer === undefined,
  )
  const options = new Set(
    signatures.flatMap(({ parameters }) => parameters.flatMap(({ type }) => sources.optionsOf(type))),
  )
  const bold = [...comment.matchAll(/\*\*(.+?)\*\*/g)].map(([, each]) => each)
  return {
    name,
    python: /Follows `(?:torch|timm)/.test(comment)
      ? `\`${/Follows `([\w.]+)/.exec(comment)?.[1] ?? python}\``
      : `\`${python}\``,
    call: `${prefix}${name}(${required.map((each) => each.getText().replace(/:.*/s, '')).join(', ')})`,
    options: [...options].map((option) => `\`${option}\``).join(', '),
    differences: bold.join('; ').replaceAll('|', '\\|'),
  }
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(PAGE, layersPage())
