import assert from 'node:assert/strict'

import { findSharedTypeNames, findWords, phrase, RULES, word } from '../../../scripts/lint/words.mjs'

/** For each rule what it must find: a file, a line of it, and the word. Every pattern of every rule has a line. */
const LEFT: readonly (readonly [string, string, string])[] = [
  ['lib/engine/x.ts', '/** The picture of a value. */', 'picture'],
  ['native/engine/x.cc', 'constexpr int kPictures = 3;', 'Pictures'],
  ['lib/engine/picture_buffers.ts', '', 'picture'],
  ['docs/engine.md', 'It has own kernels for float32.', 'own kernels'],
  ['docs/engine.md', 'It has float32 kernels of its own.', 'kernels of its own'],
  ['bench/x.ts', "await compile(model, { kernels: 'own' })", "kernels: 'own"],
  ['bench/x.ts', "'engine-own'", 'engine-own'],
  ['bench/x.ts', "import { lower } from './lower_own.js'", 'lower_own'],
  ['lib/engine/x.ts', "return isNative ? 'own' : 'onednn'", "'own'"],
  ['lib/engine/x.ts', 'const haloOf = 1', 'halo'],
  ['native/engine/x.h', 'int64_t HALO_SIZE', 'HALO'],
  ['native/engine/x.h', 'case Algorithm::kPlanes:', 'Planes'],
  ['lib/tensor/x.ts', '/** With the channels of a pixel side by side. */', 'channels of a pixel side by side'],
  ['lib/tensor/x.ts', '/** Puts side by side the channels. */', 'side by side the channels'],
  ['lib/engine/x.ts', '/** Floats of 32 bits are kept. */', 'Floats of 32 bits'],
  ['docs/x.md', 'Integers of 8 bits', 'Integers of 8 bits'],
  ['lib/checkpoint/x.ts', '/** JSON has no integers of\n * 64 bits. */', 'integers of 64 bits'],
  ['docs/x.md', 'A model of 8-bit integers', '8-bit integers'],
  ['lib/engine/x.ts', '/** A step on bytes. */', 'step on bytes'],
  ['lib/engine/x.ts', 'interface ByteScale {', 'ByteScale'],
  ['lib/cli/doctor.ts', "processor: 'CPU',", 'processor'],
  ['lib/x.ts', 'export interface Place {', 'interface Place'],
  ['lib/x.ts', 'type Draft = string', 'type Draft ='],
  ['lib/x.ts', 'class Wish {', 'class Wish'],
  ['native/x.h', 'struct Port {', 'struct Port'],
  ['native/x.h', 'class Part {', 'class Part'],
  ['native/x.h', 'class Host;', 'class Host'],
  ['native/x.h', 'struct Frame {', 'struct Frame'],
  ['native/x.h', 'class Lane {', 'class Lane'],
  ['lib/classifier/x.ts', 'export interface Answer {', 'interface Answer'],
  ['docs/classifier.md', '`classifier.recipe` tells', 'recipe'],
  ['lib/x.ts', 'export class BufferSlots {', 'class BufferSlots'],
  ['packages/jobs/lib/x.ts', 'this.#fetching = new Slots(3)', 'new Slots'],
  ['packages/server/lib/x.ts', 'export class Gate {', 'class Gate'],
  ['packages/server/lib/x.ts', 'export class Pace {', 'class Pace'],
  ['packages/server/lib/x.ts', 'model.pace.note(1)', 'model.pace'],
  ['packages/jobs/lib/x.ts', 'figures.chunk(1)', 'figures'],
  ['packages/jobs/lib/x.ts', 'await presence.end()', 'presence'],
  ['packages/jobs/lib/x.ts', 'keys.suspects(run)', 'suspects'],
  ['lib/x.ts', 'const MOST_ROWS = 400', 'MOST_ROWS'],
  ['native/x.cc', 'constexpr size_t kMostSteps = 1;', 'kMostSteps'],
  ['lib/engine/x.ts', 'const WORTH = 0.85', 'WORTH'],
  ['lib/engine/x.ts', 'for (let duel = 0; ;)', 'duel'],
  ['lib/engine/x.ts', 'export function chooseChunk() {}', 'choose'],
  ['lib/engine/x.ts', '// The rules chose.', 'chose'],
  ['lib/engine/x.ts', '// It was chosen.', 'chosen'],
  ['README.md', 'kernels chosen by measuring', 'kernels chosen'],
  ['README.md', 'chooses the kernels', 'chooses the kernels'],
  ['lib/x.ts', '// Whoever reads it', 'Whoever'],
  ['lib/x.ts', '// To whomever it belongs', 'whomever'],
  ['lib/x.ts', '// Nobody waits.', 'Nobody'],
  ['lib/x.ts', "throw fail('saveQuantized() writes such')", 'such'],
  ['lib/x.ts', '// Such are\n // refused.', 'Such'],
  ['lib/x.ts', '// There is none such.', 'none such'],
  ['lib/x.ts', '/** Images per second, of late. */', 'of late'],
  ['lib/x.ts', '/** Of so many. */', '/** Of so many'],
  ['lib/x.ts', '/** As {@link run}, but waits. */', '/** As {@link'],
  ['lib/x.ts', 'throw fail(`The key ${key} is there twice`)', 'is there twice'],
  ['lib/x.ts', '/** Closes it, and lets all memory go. */', 'lets all memory go'],
  ['lib/x.ts', '/** Where Redis is, and as whom to enter. */', 'as whom'],
  ['docs/x.md', 'colours', 'colour'],
  ['docs/x.md', 'greyscale', 'greyscale'],
  ['docs/x.md', 'behaviour', 'behaviour'],
  ['docs/x.md', 'neighbours', 'neighbour'],
  ['docs/x.md', '`--flavour cu130`', 'flavour'],
  ['docs/x.md', 'favourite', 'favour'],
  ['docs/x.md', 'honoured', 'honour'],
  ['docs/x.md', 'labelled', 'labelled'],
  ['docs/x.md', 'labelling', 'labelling'],
  ['docs/x.md', 'modelled', 'modelled'],
  ['docs/x.md', 'modelling', 'modelling'],
  ['docs/x.md', 'signalled', 'signalled'],
  ['docs/x.md', 'signalling', 'signalling'],
  ['docs/x.md', 'travelled', 'travell'],
  ['docs/x.md', 'catalogue', 'catalogue'],
  ['docs/x.md', 'artefact', 'artefact'],
  ['docs/x.md', 'centred', 'centre'],
  ['docs/x.md', 'centring', 'centring'],
  ['docs/x.md', 'defence', 'defence'],
  ['docs/x.md', 'analysed', 'analyse'],
  ['docs/x.md', 'learnt', 'learnt'],
  ['docs/x.md', 'misspelt', 'misspelt'],
  ['docs/x.md', 'whilst', 'whilst'],
  ['docs/x.md', 'a programme', 'programme'],
  ['lib/x.ts', 'decodeGrey16()', 'Grey'],
  ['test/vision/decode/decode.test.ts', "'grey16.png'", 'grey'],
  ['lib/x.ts', 'greyed', 'greyed'],
  ['README.md', 'MIT licence.', 'licence'],
  ['README.md', 'licenced', 'licenced'],
  ['docs/quantisation.md', '', 'quantisation'],
  ['lib/x.ts', 'isNormalised', 'Normalised'],
]

/** What has its right meaning where it stands. */
const RIGHT: readonly (readonly [string, string])[] = [
  ['lib/classifier/x.ts', "labelsName: 'own'"],
  ['lib/models/resnet.ts', 'constructor(inplanes: number, planes: number) {'],
  ['docs/x.md', 'unsigned integers of 16 to 64 bits; a 64-bit system'],
  ['lib/x.ts', "import { type Place } from 'elsewhere'"],
  ['lib/x.ts', 'const place: Placement = hostOf(frame)'],
  ['test/x.test.ts', 'class Gate extends Module {'],
  ['lib/x.ts', '/** Answers with the prediction of each image. */'],
  ['docs/benchmarks.md', 'Figures are medians.'],
  ['docs/cli.md', 'Users choose the preset.'],
  ['lib/x.ts', '// Options such as these, as such: no such file, such a file, such files.'],
  ['lib/x.ts', '/** Lets the event loop go on, as {@link run} does. */'],
  ['lib/x.ts', 'the same module twice'],
  ['lib/vision/decode/sharp.ts', ".toColorspace('grey16')"],
  ['packages/server/page/x.html', '<div aria-labelledby="title">'],
  ['lib/x.ts', 'programmer, programmed, program'],
  ['lib/x.ts', 'precise, otherwise, raised, noise, emphasis, advertised, realistic, analysis, cancelled'],
  ['deploy/Dockerfile.md', 'USER nobody'],
  ['lib/x.ts', 'halogen, recipient, airplane, programmable, coprocessors'],
]

describe('scripts/lint/words.mjs', () => {
  describe('findWords()', () => {
    for (const [file, text, left] of LEFT) {
      it(`finds "${left}" in ${file}`, () => {
        const words = findWords(file, text).map((found) => found.word)

        assert.ok(words.includes(left), `found: ${words.join(', ')}`)
      })
    }

    for (const [file, text] of RIGHT) {
      it(`finds nothing in ${file}: ${text}`, () => {
        assert.deepEqual(findWords(file, text), [])
      })
    }

    it('tells the line at which a phrase begins, and what to use', () => {
      const [found] = findWords('lib/x.ts', 'const a = 1\n/**\n * A key that is there\n * twice.\n */')

      assert.deepEqual(found, { line: 3, word: 'is there twice', use: 'duplicate' })
    })
  })

  it('has a line here for each pattern', () => {
    const unused = RULES.flatMap(({ find, within, except }) =>
      find.filter(
        (pattern) =>
          !LEFT.some(([file, text]) => {
            if (within !== undefined && !within.some((start) => file.startsWith(start))) return false
            if (except?.some((start) => file.startsWith(start))) return false
            return text.match(pattern) !== null || file.match(pattern) !== null
          }),
      ),
    )

    assert.deepEqual(unused, [])
  })

  it('finds words inside of names, and phrases over the end of a line', () => {
    assert.deepEqual('haloOf kHalo HALO_SIZE a_halo halogen'.match(word('halo')), ['halo', 'Halo', 'HALO', 'halo'])
    assert.deepEqual('as\n   * whom'.match(phrase('as whom')), ['as\n   * whom'])
  })

  describe('findSharedTypeNames()', () => {
    const declaration = 'const a = 1\nexport interface Source {}\n'

    it('finds a type that two files export', () => {
      const found = findSharedTypeNames([
        ['lib/a.ts', declaration],
        ['packages/jobs/lib/b.ts', declaration],
      ])

      assert.deepEqual(found, [
        {
          file: 'packages/jobs/lib/b.ts',
          line: 2,
          word: 'Source',
          use: 'another name: lib/a.ts:2 exports a type of this one',
        },
      ])
    })

    it('allows the two ResNets, and types that only their file knows', () => {
      const found = findSharedTypeNames([
        ['lib/a.ts', 'export class ResNet {}\ninterface Row {}'],
        ['lib/b.ts', 'export class ResNet {}\nexport interface Row {}'],
      ])

      assert.deepEqual(found, [])
    })
  })
})
