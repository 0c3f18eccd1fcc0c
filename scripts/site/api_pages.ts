import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Application, ReflectionKind, type ProjectReflection, type TypeDocOptions } from 'typedoc'
import type { PluginOptions } from 'typedoc-plugin-markdown'

import { DTYPES } from '../../lib/util/dtype.js'
import { readPackageJson, ROOT } from '../package/files.js'
import { workspaces } from '../package/workspace_package.js'
import { mendAnchors } from './anchors.js'

/** Where the pages are written: a folder of the site that git ignores. */
export const API_FOLDER = join(ROOT, 'docs', 'api')

/** A page of the reference: an entry that programs import. */
export interface ApiEntry {
  /** Such as `napi-torch/nn`. */
  readonly name: string
  /** Such as `nn`: the page is `api/nn.md`. */
  readonly page: string
  /** Source, relative to the checkout. */
  readonly source: string
}

/** Lists what programs may import. A name that several entries export is described where it stands first. */
export function apiEntries(): readonly ApiEntry[] {
  const exports = readPackageJson('package.json')['exports'] as Record<string, string | Record<string, string>>
  const own = Object.entries(exports).flatMap(([path, target]): ApiEntry[] => {
    // Only the packages of this project import what is internal.
    if (typeof target === 'string' || path.startsWith('./internal')) return []
    const page = path === '.' ? 'napi-torch' : path.slice(2)
    const name = path === '.' ? 'napi-torch' : `napi-torch/${page}`
    return [{ name, page, source: String(target['napi-torch-source']) }]
  })
  const others = workspaces().flatMap((folder): ApiEntry[] => {
    const { name, exports: entries } = readPackageJson(`${folder}/package.json`)
    const main = (entries as Record<string, Record<string, string> | undefined> | undefined)?.['.']
    const source = main?.['napi-torch-source']
    return source === undefined ? [] : [{ name, page: name.slice(name.indexOf('/') + 1), source: join(folder, source) }]
  })
  // The main entry exports what the others do: last, it is left with what is its alone.
  const [main, ...parts] = own
  return main === undefined ? others : [...parts, main, ...others]
}

/** What stands at the top of the reference. */
const INTRODUCTION = `Made from the comments of the sources. A name that several entries export is described once; \`napi-torch\` itself exports
all that its parts do, but for those of \`napi-torch/optim\`, \`/data\` and \`/train\`. Members that a layer has from [Module](nn/index.md) are not repeated.
[Layers](../layers.md) sets every layer, function and method beside that of PyTorch.`

const PURPOSES: Readonly<Record<string, string>> = {
  nn: 'modules, layers, losses, `functional`, `init`',
  models: "torchvision's architectures, and how they are recognized",
  optim: 'optimizers, learning rates, averaged models',
  data: 'loaders, samplers, splits of datasets',
  checkpoint: 'reading and writing checkpoints',
  vision: 'images, transforms, presets, datasets of images',
  engine: '`compile`, `quantize`, exported programs',
  train: '`finetune`',
  'napi-torch': 'tensors, the classifier, devices, scopes, errors, and what stands above',
  server: '`createServer`',
  jobs: 'runs over millions of images',
}

const OPTIONS: Partial<TypeDocOptions> & PluginOptions = {
  plugin: ['typedoc-plugin-markdown'],
  // writeApiPages() empties the folder; by default TypeDoc would empty docs/ itself.
  cleanOutputDir: false,
  out: API_FOLDER,
  tsconfig: join(ROOT, 'tsconfig.json'),
  // The type check of `npm test` has found them.
  skipErrorChecking: true,
  readme: 'none',
  disableGit: true,
  disableSources: true,
  excludeExternals: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: false,
  githubPages: false,
  logLevel: 'Error',
  validation: false,
  router: 'module',
  entryFileName: 'index',
  hideGroupHeadings: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useHTMLAnchors: false,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  enumMembersFormat: 'table',
  typeDeclarationFormat: 'table',
}

/** Writes the pages of the reference from the comments of the sources. */
export async function writeApiPages(): Promise<void> {
  rmSync(API_FOLDER, { recursive: true, force: true })
  mkdirSync(API_FOLDER, { recursive: true })
  const entries = apiEntries()
  const app = await Application.bootstrapWithPlugins({
    ...OPTIONS,
    entryPoints: entries.map(({ source }) => join(ROOT, source)),
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('TypeDoc found nothing')
  leaveRepeatedOut(project)
  for (const entry of entries) {
    const module = project.children?.find(({ name }) => ownName(name) === ownName(entry.source))
    if (module === undefined) throw new Error(`TypeDoc found no ${entry.source}`)
    module.name = entry.page
  }
  await app.outputs.writeOutput({ name: 'markdown', path: API_FOLDER }, project)
  for (const { name, page } of entries) nameEntry(page, name)
  const files = readdirSync(API_FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  const pages = files.map(
    (name) => [name.replaceAll('\\', '/'), shorten(readFileSync(join(API_FOLDER, name), 'utf8'))] as const,
  )
  for (const [name, text] of mendAnchors(new Map(pages))) writeFileSync(join(API_FOLDER, name), text)
  writeFileSync(join(API_FOLDER, 'index.md'), indexPage(entries))
}

/** The first heading of an entry's page is what programs import. */
function nameEntry(page: string, name: string): void {
  const file = [join(API_FOLDER, `${page}.md`), join(API_FOLDER, page, 'index.md')].find(existsSync)
  if (file === undefined) throw new Error(`TypeDoc wrote no page for ${name}`)
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^# .*$/m, `# ${name}`))
}

/** Headings under which each function repeats something: no one looks for them in a list or a search. */
const REPEATED_HEADING = new RegExp(
  `^#{3,6} (${[
    ...[
      'Parameters',
      'Returns',
      'Throws',
      'Example',
      'See',
      'Remarks',
      'Default Value',
      'Type Parameters',
      'Type Declaration',
    ],
    ...['Extends', 'Extended by', 'Implements', 'Call Signature', 'Get Signature', 'Set Signature', 'Index Signature'],
  ].join('|')})$`,
  'gm',
)

/** What an entry has from another one: a heading and a sentence for each name. */
const REFERENCE = /^#+ \S+\n\nRe-exports (\[.+\]\(.+\))\n(?:\n\*\*\*\n\n)?/gm

/** Makes of TypeDoc's page a shorter one. */
function shorten(page: string): string {
  // The default of a type parameter, which is spelled out at each tensor.
  const all = DTYPES.map((dtype) => `\`"${dtype}"\``).join(String.raw` \| `)
  const text = page
    .replaceAll(String.raw`\<${all}\>`, '')
    .replaceAll(all, '`DType`')
    .replaceAll('### Constructors\n\n#### Constructor\n', '### Constructor\n')
    .replace(REPEATED_HEADING, '**$1**')
    .replace(/(?:^#+ References\n\n)?((?:^#+ \S+\n\nRe-exports .+\n(?:\n\*\*\*\n\n)?)+)/m, (names: string) => {
      return `## From other entries\n\n${names.replace(REFERENCE, '$1, ').replace(/, $/, '')}\n`
    })
  // The outline of the page is the list of what it describes.
  return `---\noutline: 2\n---\n\n${text}`
}

function indexPage(entries: readonly ApiEntry[]): string {
  const rows = entries.map(({ name, page }) => {
    const isFile = existsSync(join(API_FOLDER, `${page}.md`))
    return `| [${name}](${isFile ? `${page}.md` : `${page}/index.md`}) | ${PURPOSES[page] ?? ''} |\n`
  })
  return `# API\n\n${INTRODUCTION}\n\n| import | holds |\n| --- | --- |\n${rows.join('')}`
}

/** Each layer would repeat the methods of Module. What only this package calls, by symbols, is no one's to read. */
function leaveRepeatedOut(project: ProjectReflection): void {
  const all = Object.values(project.reflections)
  const module = all.find(({ name, kind }) => name === 'Module' && kind === ReflectionKind.Class)
  const common = new Set(module?.isDeclaration() === true ? module.children?.map(({ name }) => name) : [])
  for (const reflection of all) {
    if (!reflection.isDeclaration()) continue
    const { inheritedFrom, name } = reflection
    // A class in between, which is not exported, has no place to link to.
    if (inheritedFrom === undefined ? !name.startsWith('[') : name === 'constructor') continue
    const isRepeated = inheritedFrom?.reflection !== undefined || common.has(name)
    if (isRepeated || name.startsWith('[')) project.removeReflection(reflection)
  }
  for (const reflection of Object.values(project.reflections)) {
    if (reflection.isDeclaration() || reflection.isSignature()) {
      delete reflection.inheritedFrom
      delete reflection.overwrites
      delete reflection.implementationOf
    }
    if ((reflection.isDeclaration() || reflection.isProject()) && reflection.groups !== undefined) {
      for (const group of reflection.groups) {
        group.children = group.children.filter(({ id }) => project.getReflectionById(id) !== undefined)
      }
      reflection.groups = reflection.groups.filter(({ children }) => children.length > 0)
    }
  }
}

function ownName(path: string): string {
  return path.replace(/^\.\//, '').replace(/(?:\/index)?(?:\.ts)?$/, '')
}
