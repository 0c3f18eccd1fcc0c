/** A word that is left, or several that have one replacement. */
export interface Rule {
  readonly find: readonly RegExp[]
  readonly use: string
  readonly within?: readonly string[]
  readonly except?: readonly string[]
}

export interface FoundWord {
  /** From 1; 0 is the name of the file. */
  readonly line: number
  readonly word: string
  readonly use: string
}

export const RULES: readonly Rule[]
export function word(stem: string): RegExp
export function phrase(text: string): RegExp
export function type(name: string): RegExp
export function findWords(file: string, text: string): FoundWord[]
export function findSharedTypeNames(
  files: Iterable<readonly [string, string]>,
): (FoundWord & { readonly file: string })[]
