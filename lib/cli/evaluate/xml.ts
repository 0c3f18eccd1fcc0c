const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Escapes a text for an element or a double-quoted attribute of SVG. Control characters, which XML forbids, are replaced. */
export function xml(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, '\ufffd').replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? '')
}

/** Cuts a text to `length` characters. File names are cut at the start, which says less than the end. */
export function cut(text: string, length: number, side: 'start' | 'end' = 'end'): string {
  const characters = Array.from(text)
  if (characters.length <= length) return text
  return side === 'end' ? `${characters.slice(0, length - 1).join('')}…` : `…${characters.slice(1 - length).join('')}`
}
