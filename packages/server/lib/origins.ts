/** All origins. */
export const ANY_ORIGIN = '*'

/** The origins that `corsOrigins` lists. */
export function originsOf(corsOrigins: string): readonly string[] {
  return corsOrigins
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '')
}

/** Tells whether a text is an origin as browsers send it, such as `https://app.example.org`, or `*`. */
export function isOrigin(text: string): boolean {
  return (
    text === ANY_ORIGIN ||
    (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text)
  )
}
