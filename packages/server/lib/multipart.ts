import { TextDecoder } from 'node:util'

import { badRequest, tooLarge } from './status.js'

// Not busboy: the body is already in memory, within all limits, and can be cut without copying it; and busboy leaves out parts
// whose headers are malformed or too long, where a client has to be told that one of its images was not seen.

/** A file of a form. */
export interface FormFile {
  /** The file name that the client gives, else the name of the field. */
  readonly name: string
  readonly bytes: Buffer
}

/** Bytes of the headers of one part: against parts that are all header. */
const MAX_HEADER_BYTES = 8192
// RFC 2046, section 5.1.1.
const BOUNDARY = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i
const CRLF = '\r\n'

/**
 * Finds the files of a form (multipart/form-data, RFC 7578) in memory: the bytes of each are a part of `body`. Fields without a
 * file are left out.
 *
 * @throws {TorchError} `TORCH_REQUEST` if the form is malformed, `TORCH_TOO_LARGE` if it has more than `maxFiles` parts.
 */
export function filesOfForm(body: Buffer, contentType: string, maxFiles: number): readonly FormFile[] {
  const match = BOUNDARY.exec(contentType)
  const boundary = match?.[1] ?? match?.[2]
  if (boundary === undefined) throw badRequest('Expected a boundary in the Content-Type of the form')
  const files: FormFile[] = []
  let parts = 0
  let at = startOfForm(body, boundary)
  while (body.toString('latin1', at, at + 2) !== '--') {
    if (++parts > maxFiles) throw tooLarge(`Expected at most ${maxFiles} parts in the form (maxSamples), received more`)
    // Spaces may follow a boundary.
    const headerAt = body.indexOf(CRLF, at)
    const dataAt = body.indexOf(CRLF + CRLF, headerAt)
    if (headerAt < 0 || dataAt < 0) throw malformed('a part has no headers')
    if (dataAt - headerAt > MAX_HEADER_BYTES) throw malformed(`the headers of a part exceed ${MAX_HEADER_BYTES} bytes`)
    const end = body.indexOf(`${CRLF}--${boundary}`, dataAt + 2, 'latin1')
    if (end < 0) throw malformed('it ends within a part')
    const name = fileName(body.toString('utf8', headerAt, dataAt))
    if (name !== null) files.push({ name, bytes: body.subarray(Math.min(dataAt + 4, end), end) })
    at = end + 4 + boundary.length
  }
  return files
}

function startOfForm(body: Buffer, boundary: string): number {
  const first = `--${boundary}`
  if (body.toString('latin1', 0, first.length) === first) return first.length
  const start = body.indexOf(CRLF + first, 0, 'latin1')
  if (start < 0) throw malformed('its boundary does not occur')
  return start + CRLF.length + first.length
}

/** Null for a field without a file. */
function fileName(headers: string): string | null {
  // A header may be folded over several lines: RFC 5322, section 2.2.3.
  const lines = headers.replace(/\r\n[ \t]+/g, ' ')
  const disposition = /\r\ncontent-disposition:\s*form-data\s*(;[^\r\n]*|)(?:\r\n|$)/i.exec(lines)?.[1]
  if (disposition === undefined) throw malformed('a part is not form-data')
  const parameters = parametersOf(disposition)
  const extended = parameters.get('filename*')
  const file = (extended === undefined ? undefined : decodeExtended(extended)) ?? parameters.get('filename')
  const isImage = /\r\ncontent-type:\s*image\//i.test(lines)
  if (file === undefined && extended === undefined && !isImage) return null
  return file ?? parameters.get('name') ?? ''
}

/** A token, and a quoted string or what reaches to the next semicolon: RFC 9110, section 5.6.6. */
const PARAMETER = /[ \t]*;[ \t]*(?:([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))[ \t]*)?/y

/** The parameters of a header, by their names in lower case; the first counts where one occurs twice. */
function parametersOf(text: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = 0
  for (let at = 0; at < text.length; at = PARAMETER.lastIndex) {
    const match = PARAMETER.exec(text)
    if (match === null) throw malformed('the Content-Disposition of a part cannot be read')
    const [, name, quoted, token = ''] = match
    if (name === undefined || parameters.has(name.toLowerCase())) continue
    // Only these two: browsers send the backslashes of a file name as they are.
    parameters.set(name.toLowerCase(), quoted === undefined ? token.trim() : quoted.replace(/\\(["\\])/g, '$1'))
  }
  return parameters
}

/** Decodes `UTF-8''na%C3%AFve.jpg`: RFC 8187. Undefined where it cannot be decoded: then the plain name counts. */
function decodeExtended(text: string): string | undefined {
  const [, charset = '', encoded = ''] = /^(utf-8|iso-8859-1)'[^']*'(.*)$/i.exec(text) ?? []
  if (charset === '') return undefined
  const bytes = encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  if (charset.toLowerCase() === 'iso-8859-1') return bytes
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}

function malformed(reason: string): Error {
  return badRequest(`The body is not a valid form: ${reason}`)
}
