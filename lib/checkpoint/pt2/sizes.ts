import type { JsonField } from './fields.js'
import type { ProgramSize, SizeExpression } from './program.js'

/** Nested calls of an expression. Stops one that would fill the stack. */
const MAX_DEPTH = 50

/** Characters of an expression. */
const MAX_LENGTH = 10_000

type Evaluate = SizeExpression['evaluate']

/** What sympy's printer calls the operations of integers. */
const FUNCTIONS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  Add: (values) => values.reduce((sum, value) => sum + value, 0),
  Mul: (values) => values.reduce((product, value) => product * value, 1),
  Pow: ([base = NaN, exponent = NaN]) => base ** exponent,
  FloorDiv: ([value = NaN, divisor = NaN]) => Math.floor(value / divisor),
  CleanDiv: ([value = NaN, divisor = NaN]) => Math.floor(value / divisor),
  IntTrueDiv: ([value = NaN, divisor = NaN]) => value / divisor,
  Mod: ([value = NaN, divisor = NaN]) => ((value % divisor) + divisor) % divisor,
  PythonMod: ([value = NaN, divisor = NaN]) => ((value % divisor) + divisor) % divisor,
  Max: (values) => Math.max(...values),
  Min: (values) => Math.min(...values),
  floor: ([value = NaN]) => Math.floor(value),
  ceiling: ([value = NaN]) => Math.ceil(value),
  Rational: ([over = NaN, under = NaN]) => over / under,
}

const SIGNS: Readonly<Record<string, string>> = {
  Add: ' + ',
  Mul: '*',
  FloorDiv: '//',
  CleanDiv: '//',
  Mod: '%',
  PythonMod: '%',
}

/** Reads a size: `{ "as_int": 3 }`, or an expression as sympy's `srepr` prints it, `Mul(Integer(2), Symbol('s30', integer=True))`. */
export function readSize(field: JsonField): ProgramSize {
  const [kind, content] = field.union()
  if (kind === 'as_int') return content.natural()
  if (kind !== 'as_expr') throw field.unknown(`a size of the kind ${kind}`)
  const source = content.get('expr_str')
  const text = source.text()
  if (text.length > MAX_LENGTH) throw source.wrong(`an expression of at most ${MAX_LENGTH} characters`)
  return new Parser(text, source).parse()
}

interface Parsed {
  readonly text: string
  readonly evaluate: Evaluate
}

/** A recursive-descent parser of `Name(argument, …, key=word)`. */
class Parser {
  readonly #text: string
  readonly #field: JsonField
  readonly #symbols = new Set<string>()
  #at = 0

  constructor(text: string, field: JsonField) {
    this.#text = text
    this.#field = field
  }

  parse(): SizeExpression {
    const { text, evaluate } = this.#expression(0)
    if (this.#at < this.#text.length) throw this.#wrong()
    return { text, symbols: [...this.#symbols], evaluate }
  }

  #expression(depth: number): Parsed {
    if (depth > MAX_DEPTH) throw this.#field.wrong(`an expression of at most ${MAX_DEPTH} levels`)
    const name = this.#match(/[A-Za-z_]\w*/y)
    this.#match(/\(/y)
    if (name === 'Symbol') return this.#symbol()
    if (name === 'Integer') return this.#integer()
    const operation = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (operation === undefined) throw this.#field.unknown(`${name} of sizes`)
    const values: Parsed[] = []
    do {
      values.push(name === 'Rational' ? this.#number() : this.#expression(depth + 1))
    } while (this.#has(/\s*,\s*/y))
    this.#match(/\)/y)
    const sign = SIGNS[name]
    const texts = values.map(({ text }) =>
      sign !== undefined && sign !== ' + ' && text.includes(' ') ? `(${text})` : text,
    )
    return {
      text: sign === undefined ? `${name}(${texts.join(', ')})` : texts.join(sign),
      evaluate: (sizes) => operation(values.map(({ evaluate }) => evaluate(sizes))),
    }
  }

  #symbol(): Parsed {
    const name = this.#match(/'\w+'/y).slice(1, -1)
    while (this.#has(/\s*,\s*\w+=\w+/y));
    this.#match(/\)/y)
    this.#symbols.add(name)
    return { text: name, evaluate: (sizes) => sizes.get(name) ?? NaN }
  }

  #integer(): Parsed {
    const number = this.#number()
    this.#match(/\)/y)
    return number
  }

  #number(): Parsed {
    const text = this.#match(/-?\d{1,19}/y)
    return { text, evaluate: () => Number(text) }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    if (found === undefined) throw this.#wrong()
    this.#at += found.length
    return found
  }

  #has(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found !== ''
  }

  #wrong(): Error {
    return this.#field.wrong('an expression of sizes')
  }
}
