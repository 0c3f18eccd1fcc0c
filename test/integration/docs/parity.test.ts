import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { familyFacts } from '../../support/families.js'
import { logitsCases } from '../../support/models.js'
import { OPERATOR_FAMILIES, operatorCases } from '../../support/operators.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PAGE = readFileSync(`${ROOT}docs/parity.md`, 'utf8')

function readJson(path: string): Readonly<Record<string, object>> {
  return JSON.parse(readFileSync(`${ROOT}test/${path}`, 'utf8')) as Record<string, object>
}

function countOperators(): string {
  const cases = OPERATOR_FAMILIES.flatMap((family) => [...operatorCases(family)])
  return `${cases.length} cases of ${new Set(cases.map(({ op }) => op)).size} operators`
}

function countNetworks(): string {
  const cases = [...logitsCases()]
  return `${cases.length} cases of ${new Set(cases.map(({ model }) => model)).size} networks`
}

function countModels(): number {
  return Object.keys(familyFacts()).length
}

function countPrograms(): number {
  return readdirSync(`${ROOT}test/fixtures/pt2`).filter((name) => /^(?!refused_).*\.pt2$/.test(name)).length
}

/** What stands in the first and the third column of the table. */
const COUNTS: readonly (readonly [what: string, count: () => string])[] = [
  ['operators, recorded', countOperators],
  ['networks, recorded', countNetworks],
  ["torchvision's models", () => `${countModels()} models`],
  [
    "torchvision's models, logits",
    () => `${Object.values(familyFacts()).filter(({ odd }) => odd !== undefined).length} models`,
  ],
  [
    'random transforms',
    () => `${Object.keys(readJson('goldens/augmentations.json')['cases'] ?? {}).length} transforms`,
  ],
  ['texts of tensors', () => `${Object.keys(readJson('goldens/format.json')).length} tensors`],
  ['exported programs', () => `${countPrograms()} programs`],
  ['folders of timm and transformers', () => `${Object.keys(readJson('fixtures/hub/expected.json')).length} folders`],
]

describe('docs/parity.md', () => {
  for (const [what, count] of COUNTS) {
    it(`counts what the tests compare: ${what}`, () => {
      const row = PAGE.split('\n').find((line) => line.startsWith(`| ${what} |`)) ?? ''

      assert.equal(row.split(' | ')[2], count())
    })
  }
})
