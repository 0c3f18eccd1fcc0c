/** Entries of a list that a message names. */
const MAX_LISTED = 5

/** Prints `1 image`, `1,000 images`. */
export function count(value: number, one: string): string {
  return `${value.toLocaleString('en-US')} ${one}${value === 1 ? '' : 's'}`
}

/** Prints the first entries of a list, and how many there are beside. */
export function listed(entries: readonly string[]): string {
  const rest = entries.length - MAX_LISTED
  const shown = entries.slice(0, MAX_LISTED).join(', ')
  return rest > 0 ? `${shown} and ${rest.toLocaleString('en-US')} more` : shown
}
