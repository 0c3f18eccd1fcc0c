const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Makes a text fit for an SVG, in an element or an attribute in double quotes. Control characters, which XML forbids, go. */
export function xml(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd').replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? '')
}

/** Cuts a text that is longer than so many characters: a file name at its front, which says less than its end. */
export function cut(text: string, length: number, side: 'start' | 'end' = 'end'): string {
  const characters = Array.from(text)
  if (characters.length <= length) return text
  return side === 'end' ? `${characters.slice(0, length - 1).join('')}…` : `…${characters.slice(1 - length).join('')}`
}
