/** Typing errors that a suggestion bridges. */
const MAX_DISTANCE = 3

/** Share of the letters that may be wrong: `lr` is not meant for `dim`, though only three letters differ. */
const MAX_ERRORS = 0.4

/** Letters of a name that may stand for a longer one, as `rounding` does for `roundingMode`. */
const MIN_PART = 4

/** Finds the name among `names` that was meant by `name`, in whatever case it is written; gives undefined where none is near. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Infinity
  const given = letters(name)
  for (const candidate of names) {
    const wanted = letters(candidate)
    // A name that is too long or short is no slip, and an unbounded one out of a file would take long to compare.
    if (Math.abs(given.length - wanted.length) > MAX_DISTANCE) continue
    const distance = distanceOf(given, wanted)
    const length = Math.max(given.length, wanted.length)
    if (distance > MAX_DISTANCE || distance > MAX_ERRORS * length || distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  if (best !== undefined || given.length < MIN_PART) return best
  const longer = names.filter((candidate) => letters(candidate).includes(given))
  return longer.length === 1 ? longer[0] : undefined
}

/** Makes the end of a message about an unknown name: ` (did you mean stride?)`, or nothing. */
export function didYouMean(name: string, names: readonly string[]): string {
  const meant = nearest(name, names)
  return meant === undefined ? '' : ` (did you mean ${meant}?)`
}

/** `num_classes` and `num-classes` are Python's and the shell's way to write `numClasses`. */
function letters(name: string): string {
  return name.replace(/[_-]/g, '').toLowerCase()
}

/** Counts the letters to insert, remove, replace, or swap with their neighbor: the optimal string alignment distance. */
function distanceOf(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1]
      const replaced = at(last, column - 1) + (isSame ? 0 : 1)
      let least = Math.min(at(last, column) + 1, at(current, column - 1) + 1, replaced)
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (isSwap) least = Math.min(least, at(beforeLast, column - 2) + 1)
      current.push(least)
    }
    beforeLast = last
    last = current
  }
  return at(last, to.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity
}
