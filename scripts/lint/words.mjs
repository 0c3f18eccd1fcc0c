#!/usr/bin/env node
/**
 * Holds words out of the project that a reader who knows PyTorch, ONNX Runtime or oneDNN would not search for, and British
 * spellings. Part of `npm run lint`; by itself:
 *
 *     node scripts/lint/words.mjs [ROOT [FOLDER_OR_FILE …]]
 *
 * Prints `file:line: word -> what to use`, one line for each word found, and exits with 1 if there is any.
 *
 * To add a word, add an entry to RULES:
 *
 * - `find` is an array of patterns. `word('halos?')` finds the word in prose and inside of names (`haloOf`, `kHalo`,
 *   `HALO_SIZE`, `halo_slots.ts`); `phrase('is there twice')` finds words in a row, over the end of a line of a comment too;
 *   `type('Place')` finds the declaration of an interface, type, class or struct; anything else is a RegExp with the flag `g`.
 * - `use` says what to write instead; a comment says why, where that is not plain.
 * - `within` names the folders in which the rule holds, where it does not hold everywhere; `except` those in which the word
 *   has its right meaning, each with a comment that says which.
 *
 * A word with a right meaning somewhere gets a narrower pattern, or an entry in `except`; a line cannot switch a rule off.
 * Add a line that has the word, and one that must pass, to test/scripts/lint/words.test.ts.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** What is read, unless the command line names something else. */
const FOLDERS = [
  'lib',
  'native',
  'packages',
  'docs',
  'scripts',
  'bench',
  'python',
  'examples',
  'deploy',
  'models',
  'test',
]
// UPGRADING.md has to name what things were called before.
const FILES = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'eslint.config.js', 'CMakeLists.txt']

const EXTENSIONS = /\.(?:[cm]?[jt]s|cc|h|inl|cu|py|sh|md|html|css|ya?ml)$|^CMakeLists\.txt$/

/** Not read: what is built or measured, what others wrote, and what has to name the words. */
const SKIPPED = [
  /(?:^|\/)(?:node_modules|dist|build|\.cache|__pycache__)\//,
  /^test\/(?:fixtures|goldens)\//,
  /^bench\/results\//,
  /^docs\/(?:api|project)\//, // Copies: `npm run docs` makes them.
  /^lib\/vision\/imagenet_labels\./, // Names of ImageNet's classes: grey fox, hand plane, recipe …
  /^scripts\/lint\/words\.mjs$/,
  /^test\/scripts\/lint\/words\.test\.ts$/,
]

/** Between words of a phrase: spaces, or the end of a line and what begins the next line of a comment. */
const GAP = String.raw`(?:[ \t]+|[ \t]*\n[ \t]*(?:\*|//|#)?[ \t]*)`

/** A word in prose or in a name: `halo`, `Halo`, `haloOf`, `kHalo`, `HALO_SIZE`; not `halogen`. */
export function word(stem) {
  const capital = `${stem[0].toUpperCase()}${stem.slice(1)}`
  const upper = stem.toUpperCase()
  return new RegExp(`(?<![A-Za-z])${stem}(?![a-z])|${capital}(?![a-z])|(?<![A-Z])${upper}(?![A-Z])`, 'g')
}

/** Words in a row, in any case. */
export function phrase(text) {
  return new RegExp(`\\b${text.replaceAll(' ', GAP)}\\b`, 'gi')
}

/** The declaration of a type. */
export function type(name) {
  return new RegExp(
    `\\b(?:(?:interface|class|struct|enum)\\s+${name}\\b(?!::)|type\\s+${name}\\b\\s*(?:<[^=]*>\\s*)?=)`,
    'g',
  )
}

const CODE = ['lib/', 'native/', 'packages/']
const ENGINE = [
  'lib/engine/',
  'native/engine/',
  'bench/engine/',
  'test/engine/',
  'docs/engine.md',
  'docs/quantization.md',
]

export const RULES = [
  {
    find: [word('pictures?')],
    use: 'activation or feature map in the engine, buffer for its memory, image for what a user sends',
  },
  {
    find: [
      phrase('own (?:(?:float32|int8|vector|fast) )?kernels?'),
      phrase('kernels? of (?:its|our|their) own'),
      /\bkernels?\b[^\n]{0,12}['"]own\b/g,
      /\bengine-own\b|\blower_?own\b|\bown int8\b/gi,
    ],
    use: "native kernels, 'native'",
  },
  {
    find: [/['"]own['"]/g],
    // The labels of a checkpoint are its own elsewhere.
    within: ['lib/engine/', 'native/engine/', 'bench/engine/', 'docs/engine.md'],
    use: "'native'",
  },
  { find: [word('halos?')], use: 'padding border' },
  {
    // A plane is one channel of one image; a layout is not called planes. In lib/models and python/, `planes` is torchvision's
    // name of a parameter; the pixels of an image file have planes too.
    find: [word('planes')],
    within: [...ENGINE, 'native/', 'lib/tensor/', 'lib/libtorch/', 'lib/nn/'],
    except: ['native/image/'],
    use: 'NCHW',
  },
  {
    find: [/\bchannels\b[^.\n]{0,40}\bside\s+by\s+side\b/g, /\bside by side\b[^.\n]{0,20}\bchannels\b/g],
    use: 'channels-last, NHWC',
  },
  {
    find: [
      phrase('floats? of (?:16|32|64) bits'),
      phrase('(?:integers?|weights?) of (?:4|8) bits'),
      phrase('(?:numbers|integers) of (?:16|32|64) bits'),
      phrase('8-bit (?:integers?|weights?)'),
    ],
    use: 'float32, int8, uint8 …: the name of the dtype',
  },
  {
    find: [
      phrase('(?:steps?|poolings?|sums?|values?|kept|layers?|graph) (?:on|of|as|in) (?:bytes|floats)'),
      /\bBytesStep\b|\bbytes?_(?:step|scale|values)\b|\bbyteScale|\bbyteValues|\bBytesDraft\b|\bByteScale\b/g,
    ],
    within: ENGINE,
    use: 'float32, int8 or uint8; quantized activations',
  },
  {
    find: [word('processors?')],
    // CMake's variable; a file of transformers and the classes that it names.
    except: [
      'CMakeLists.txt',
      'lib/vision/preset_config.ts',
      'scripts/make_hub_fixtures.py',
      'test/vision/preset_config.test.ts',
    ],
    use: 'CPU',
  },
  {
    find: ['Draft', 'Wish', 'Part', 'Port', 'Place', 'Host', 'Frame', 'Lane'].map(type),
    within: CODE,
    use: 'a name that says what it is: op, layout request, edge, buffer, reader …',
  },
  {
    find: [type('(?:Image)?Answers?')],
    within: CODE,
    use: 'Prediction, or Response of a server',
  },
  { find: [word('recipes?')], use: 'preset or transforms' },
  { find: [type('\\w*Slots'), /\bnew Slots\b/g], within: CODE, use: 'Semaphore (lib/util/semaphore.ts)' },
  {
    find: [type('Gate'), type('Pace')],
    within: CODE,
    use: 'admission control, latency estimate',
  },
  {
    find: [/\b(?:model|call)\.pace\b|\bgate\.js\b|\bpace\.js\b/g],
    within: ['packages/'],
    use: 'admission, latency estimate',
  },
  // Prose about benchmarks may speak of figures.
  { find: [word('figures?')], within: CODE, use: 'metrics, or numbers' },
  { find: [word('presence'), word('suspects?')], within: CODE, use: 'heartbeat, poison messages' },
  {
    find: [/\b(?:MOST|LONGEST|LARGEST|DEEPEST|SHORTEST|SMALLEST|FEWEST|LEAST)_[A-Z0-9_]+/g],
    use: 'MAX_ or MIN_',
  },
  { find: [/\bk(?:Most|Longest|Largest|Deepest|Shortest|Smallest|Fewest|Least)[A-Z]\w*/g], use: 'kMax or kMin' },
  {
    find: [/\b(?:WORTH|HOPELESS|REMEMBERED)\b/g, word('duels?')],
    use: 'MIN_SPEEDUP, ROUNDS, GIVE_UP_RATIO, CACHE_SIZE',
  },
  {
    // Users choose; the engine selects.
    find: [word('choos(?:e|es|ing)'), word('chose'), word('chosen')],
    within: ENGINE,
    use: 'select, heuristics',
  },
  {
    find: [phrase('kernels (?:are )?chosen'), phrase('(?:chooses?|choosing) (?:a|the|its|their) kernels?')],
    use: 'select',
  },
  { find: [phrase('whoever'), phrase('whomever')], use: 'a subject and a verb: the caller, a client that …' },
  {
    find: [phrase('nobody')],
    // The system's user of that name.
    except: ['deploy/'],
    use: 'no one, or a subject and a verb: no client …',
  },
  {
    // "such" before a noun, "such as", "as such" and "no such file" are fine.
    find: [
      /(?<!\bas\s)(?<!\bno\s)\bsuch\b(?=\s*[.,;:)'"`]|\s+(?:is|are|was|were|has|have|would|can|cannot|could|of|in|by|from|and|or)\b)/gi,
    ],
    use: 'the noun that it stands for',
  },
  { find: [phrase('none such'), phrase('of late')], use: 'a subject and a verb: there is no …, recently' },
  { find: [/(?:\/\*\*|\*|\/\/)\s+Of (?:so many|late|such|those|them|these)\b/g], use: 'a sentence that says of what' },
  {
    find: [/(?:\/\*\*|\*|\/\/|@throws \{\w+\})\s+As \{@link/g],
    use: 'a sentence with a verb, such as "Does the same as {@link x}, but …"',
  },
  { find: [phrase('(?:is|are|was|were|comes?|stands?) there twice')], use: 'duplicate' },
  { find: [/\blet(?:s|ting)?\s+(?:[\w-]+\s+){0,3}go\b(?!\s+on)/g], use: 'releases' },
  { find: [phrase('as whom')], use: 'user name' },
  // American spelling, in code and prose: the names of PyTorch, torchvision and sharp are American too.
  ...[
    ['colour', 'color'],
    ['greyscale', 'grayscale'],
    ['behaviour', 'behavior'],
    ['neighbour', 'neighbor'],
    ['flavour', 'flavor'],
    ['favour', 'favor'],
    ['honour', 'honor'],
    ['labelled(?!by)', 'labeled'], // HTML has the attribute aria-labelledby.
    ['labelling', 'labeling'],
    ['modelled', 'modeled'],
    ['modelling', 'modeling'],
    ['signalled', 'signaled'],
    ['signalling', 'signaling'],
    ['travell', 'travel'],
    ['catalogue', 'catalog'],
    ['artefact', 'artifact'],
    ['centre', 'center'],
    ['centring', 'centering'],
    ['defence', 'defense'],
    ['analyse', 'analyze'],
    ['learnt', 'learned'],
    ['misspelt', 'misspelled'],
    ['whilst', 'while'],
    ['programme(?!r|d)', 'program'],
  ].map(([british, american]) => ({ find: [new RegExp(british, 'gi')], use: american })),
  {
    // 'grey16' is how libvips spells a color space.
    find: [new RegExp(`(?:${word('greys?').source})(?!16')`, 'g'), word('greyed')],
    use: 'gray',
  },
  {
    // Names of licence files that others wrote stay as they are; none is spelled so at present.
    find: [word('licences?'), word('licenced')],
    use: 'license',
  },
  {
    find: [
      new RegExp(
        `(?:quanti|normali|optimi|initiali|recogni|seriali|minimi|maximi|summari|organi|synchroni|authori|categori|customi|` +
          `utili|finali|visuali|vectori|paralleli|tokeni|generali|materiali|memori|prioriti|randomi|reali|speciali|` +
          `standardi|stabili|capitali|equali|characteri|penali|locali|centrali|factori|lineari|discreti|symboli|emphasi)` +
          `s(?:e|ed|es|ing|ation|ations|er|ers|able)(?![a-z])`,
        'gi',
      ),
    ],
    use: 'the spelling with z',
  },
]

/** Exported types that may be declared in two files, as their names are others' and they are reached by different paths. */
const SHARED_TYPE_NAMES = new Set([
  'BasicBlock', // torchvision's and that of the CIFAR scripts.
  'Bottleneck',
  'ResNet',
])

/** Finds the left words in the text of a file; `file` is relative to the root of the project. */
export function findWords(file, text) {
  const found = []
  for (const { find, use, within, except } of RULES) {
    if (within !== undefined && !within.some((start) => file.startsWith(start))) continue
    if (except?.some((start) => file.startsWith(start))) continue
    for (const pattern of find) {
      const inName = file.match(pattern)
      if (inName !== null) found.push({ line: 0, word: inName[0], use })
      for (const match of text.matchAll(pattern)) {
        const line = text.slice(0, match.index).split('\n').length
        found.push({ line, word: match[0].replaceAll(/\s+(?:(?:\*|\/\/|#)\s+)?/g, ' ').trim(), use })
      }
    }
  }
  return found.sort((one, other) => one.line - other.line)
}

/** Finds exported types of one name in several files: `files` has the text of each. One name has one meaning. */
export function findSharedTypeNames(files) {
  const declared = new Map()
  for (const [file, text] of files) {
    if (!/^(?:lib|packages\/[^/]+\/lib)\/.*\.ts$/.test(file)) continue
    for (const match of text.matchAll(/^export (?:abstract )?(?:interface|class|type) (\w+)/gm)) {
      const places = declared.get(match[1]) ?? []
      declared.set(match[1], places)
      places.push({ file, line: text.slice(0, match.index).split('\n').length })
    }
  }
  return [...declared].flatMap(([name, places]) =>
    SHARED_TYPE_NAMES.has(name)
      ? []
      : places.slice(1).map(({ file, line }) => ({
          file,
          line,
          word: name,
          use: `another name: ${places[0].file}:${places[0].line} exports a type of this one`,
        })),
  )
}

function* filesIn(root, entry) {
  const file = entry.split(path.sep).join('/')
  const stat = statSync(path.join(root, entry), { throwIfNoEntry: false })
  if (stat === undefined || SKIPPED.some((pattern) => pattern.test(stat.isDirectory() ? `${file}/` : file))) return
  if (stat.isFile()) {
    if (EXTENSIONS.test(path.basename(file))) yield file
    return
  }
  for (const name of readdirSync(path.join(root, entry)).sort()) yield* filesIn(root, path.join(entry, name))
}

/** What the changelog says of releases stays as it was said. */
function checkedPart(file, text) {
  if (file !== 'CHANGELOG.md') return text
  const next = text.indexOf('\n## ', text.indexOf('## Unreleased') + 1)
  return next === -1 ? text : text.slice(0, next)
}

function main([root = fileURLToPath(new URL('../..', import.meta.url)), ...entries]) {
  const named = entries.length === 0 ? [...FOLDERS, ...FILES] : entries
  const files = named.flatMap((entry) => [...filesIn(root, path.relative(root, path.resolve(root, entry)))])
  const texts = files.map((file) => [file, checkedPart(file, readFileSync(path.join(root, file), 'utf8'))])

  const found = texts.flatMap(([file, text]) => findWords(file, text).map((each) => ({ file, ...each })))
  found.push(...findSharedTypeNames(texts))
  for (const { file, line, word: left, use } of found) {
    console.log(`${file}${line === 0 ? ' (its name)' : `:${line}`}: ${left} -> ${use}`)
  }
  console.log(
    found.length === 0 ? `Words of ${files.length} files are those of the field` : `${found.length} words to replace`,
  )
  return found.length === 0 ? 0 : 1
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2))
}
