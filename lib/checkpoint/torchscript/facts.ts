import type { FactValue } from '../facts.js'

/** Longest line that is read: settings stand in short ones. */
const MAX_LINE = 1000

/** What a class or a setting costs, compared with looking at an entry of a module. */
const ENTRIES_PER_CLASS = 16
const ENTRIES_PER_FACT = 4

/** Arguments of a call that are read. */
const MAX_ARGUMENTS = 16

/** Which arguments of which function are which settings: those of traced modules, whose code holds nothing but calls. */
const CALLS: Readonly<
  Record<string, Readonly<Record<string, { readonly at: number; readonly otherwise?: FactValue }>>>
> = {
  _convolution: { stride: { at: 3 }, padding: { at: 4 }, dilation: { at: 5 }, groups: { at: 8 } },
  _convolution_mode: { stride: { at: 3 }, padding: { at: 4 }, dilation: { at: 5 }, groups: { at: 6 } },
  batch_norm: { eps: { at: 7 } },
  instance_norm: { eps: { at: 7 } },
  max_pool2d: {
    kernel_size: { at: 1 },
    stride: { at: 2, otherwise: [] },
    padding: { at: 3, otherwise: 0 },
    dilation: { at: 4, otherwise: 1 },
    ceil_mode: { at: 5, otherwise: false },
  },
  avg_pool2d: {
    kernel_size: { at: 1 },
    stride: { at: 2, otherwise: [] },
    padding: { at: 3, otherwise: 0 },
    ceil_mode: { at: 4, otherwise: false },
    count_include_pad: { at: 5, otherwise: true },
    divisor_override: { at: 6, otherwise: null },
  },
  adaptive_avg_pool2d: { output_size: { at: 1 } },
  adaptive_max_pool2d: { output_size: { at: 1 } },
  leaky_relu: { negative_slope: { at: 1, otherwise: 0.01 } },
  leaky_relu_: { negative_slope: { at: 1, otherwise: 0.01 } },
  elu: { alpha: { at: 1, otherwise: 1 } },
  elu_: { alpha: { at: 1, otherwise: 1 } },
}

/** Settings by the name of the class. */
export type ClassFacts = ReadonlyMap<string, ReadonlyMap<string, FactValue>>

/**
 * Reads the settings of the classes in one file of TorchScript code: the constants of scripted classes
 * (`stride : Final[Tuple[int, int]] = (2, 2)`), and the arguments of the calls in traced ones
 * (`torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1])`). Lines that say something else are passed over; nothing is run.
 *
 * @param counter - Counts what is kept: code is deflated, and a class takes a few bytes of it.
 */
export function readClassFacts(code: string, counter: { take(entries: number): void }): ClassFacts {
  const classes = new Map<string, Map<string, FactValue>>()
  let facts: Map<string, FactValue> | undefined
  for (let start = 0; start < code.length;) {
    const newline = code.indexOf('\n', start)
    const end = newline === -1 ? code.length : newline
    const line = end - start > MAX_LINE ? '' : code.slice(start, end)
    start = end + 1
    if (line.startsWith('class ')) {
      facts = new Map()
      counter.take(ENTRIES_PER_CLASS)
      classes.set(line.slice('class '.length, line.indexOf('(')), facts)
    } else if (!line.startsWith(' ')) {
      // A function beside the classes.
      if (line !== '') facts = undefined
    } else if (facts !== undefined) {
      const before = facts.size
      readConstant(line, facts)
      readCall(line, facts)
      counter.take(ENTRIES_PER_FACT * (facts.size - before))
    }
  }
  return classes
}

/** Gives Python's path of a class: TorchScript puts its own name before it, and numbers where it has several of one name. */
export function pythonClass(path: string): string {
  const parts = path.split('.').filter((part, index) => {
    return !(index === 0 && part === '__torch__') && !part.startsWith('___torch_mangle_')
  })
  return parts.join('.')
}

function readConstant(line: string, facts: Map<string, FactValue>): void {
  const colon = line.indexOf(' : Final[')
  const equals = line.indexOf('] = ', colon)
  if (colon === -1 || equals === -1) return
  const value = new Literals(line, equals + '] = '.length).next()
  if (value !== undefined) facts.set(line.slice(0, colon).trim(), value)
}

function readCall(line: string, facts: Map<string, FactValue>): void {
  const start = line.indexOf('torch.')
  const open = line.indexOf('(', start)
  if (start === -1 || open === -1) return
  const name = line.slice(start + 'torch.'.length, open)
  if (name !== 'pad' && !Object.hasOwn(CALLS, name)) return
  const values = new Literals(line, open + 1).rest()
  if (name === 'pad') {
    const [, sides, mode] = values
    if (!Array.isArray(sides) || sides.length !== 4 || typeof mode !== 'string') return
    const [left = 0, right = 0, top = 0, bottom = 0] = sides as readonly number[]
    if (left !== right || top !== bottom) return
    facts.set('padding_mode', mode)
    facts.set('padding', [top, left])
    return
  }
  for (const [setting, { at, otherwise }] of Object.entries(CALLS[name] ?? {})) {
    // A convolution that pads by itself has been given its padding.
    if (setting === 'padding' && facts.has('padding_mode')) continue
    const value = at < values.length ? values[at] : otherwise
    if (value !== undefined) facts.set(setting, value)
  }
}

/** Reads literals, one behind the other, with commas between; what is none is passed over as undefined. */
class Literals {
  readonly #text: string
  #at: number

  constructor(text: string, at: number) {
    this.#text = text
    this.#at = at
  }

  /** All up to the end of the call. */
  rest(): (FactValue | undefined)[] {
    const values: (FactValue | undefined)[] = []
    while (values.length < MAX_ARGUMENTS && this.#at < this.#text.length && this.#text[this.#at] !== ')') {
      values.push(this.next())
      while (this.#text[this.#at] === ',' || this.#text[this.#at] === ' ') this.#at++
    }
    return values
  }

  next(): FactValue | undefined {
    const first = this.#text[this.#at]
    if (first === '[' || first === '(') {
      const list = this.#list(first === '[' ? ']' : ')')
      // `(relu).forward(x, )` begins like a tuple.
      if (this.#text[this.#at] !== '.') return list
    }
    if (first === '"') return this.#string()
    const start = this.#at
    while (this.#at < this.#text.length && !',)]'.includes(this.#text[this.#at] ?? '')) {
      // The argument is a call.
      if (this.#text[this.#at] === '(') this.#skipBrackets()
      else this.#at++
    }
    return wordValue(this.#text.slice(start, this.#at).trim())
  }

  #list(close: string): FactValue | undefined {
    this.#at++
    const numbers: number[] = []
    let isNumeric = true
    while (this.#at < this.#text.length && this.#text[this.#at] !== close) {
      const before = this.#at
      const isNested = '(['.includes(this.#text[this.#at] ?? '')
      if (isNested) this.#skipBrackets()
      const value = isNested ? undefined : this.next()
      if (typeof value === 'number') numbers.push(value)
      else isNumeric = false
      while (this.#text[this.#at] === ',' || this.#text[this.#at] === ' ') this.#at++
      if (this.#at === before) this.#at++
    }
    this.#at++
    return isNumeric ? numbers : undefined
  }

  #string(): string | undefined {
    const end = this.#text.indexOf('"', this.#at + 1)
    const text = end === -1 ? undefined : this.#text.slice(this.#at + 1, end)
    this.#at = end === -1 ? this.#text.length : end + 1
    return text
  }

  #skipBrackets(): void {
    let depth = 0
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at]
      if (character === '(' || character === '[') depth++
      else if ((character === ')' || character === ']') && --depth === 0) break
    }
    this.#at++
  }
}

function wordValue(word: string): FactValue | undefined {
  if (word === 'None') return null
  if (word === 'True' || word === 'False') return word === 'True'
  return /^-?[\d.]/.test(word) && Number.isFinite(Number(word)) ? Number(word) : undefined
}
