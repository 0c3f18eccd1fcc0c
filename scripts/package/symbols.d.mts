/** What libtorch 2.13 itself needs, and so every system has on which it runs. */
export const FLOOR: Readonly<Record<string, string>>
export function checkSymbols(folder: string): void
export function newerSymbols(symbols: readonly string[]): string[]
export function symbolsOf(path: string): string[]
