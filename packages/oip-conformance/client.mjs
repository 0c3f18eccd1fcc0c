import { TextDecoder } from 'node:util'

/** Talks to the server under test; every answer comes with its parts taken apart. */
export class Client {
  constructor(url, { token, timeoutMs = 30_000 } = {}) {
    this.url = url.replace(/\/+$/, '')
    this.token = token
    this.timeoutMs = timeoutMs
  }

  async request(method, path, { headers = {}, body } = {}) {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }), ...headers },
      body,
      signal: AbortSignal.timeout(this.timeoutMs),
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    const headerLength = response.headers.get('inference-header-content-length')
    const jsonBytes = headerLength === null ? bytes : bytes.subarray(0, Number(headerLength))
    let json
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(jsonBytes))
    } catch {
      json = undefined
    }
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json,
      headerLength,
      binary: bytes.subarray(jsonBytes.length),
    }
  }

  get(path) {
    return this.request('GET', path)
  }

  /** Sends an inference request as JSON, or as JSON and bytes. */
  infer(path, json, { binary = [], headers = {}, headerLength } = {}) {
    const head = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json))
    if (binary.length === 0 && headerLength === undefined) {
      return this.request('POST', path, { headers: { 'content-type': 'application/json', ...headers }, body: head })
    }
    return this.request('POST', path, {
      headers: {
        'content-type': 'application/octet-stream',
        'inference-header-content-length': String(headerLength ?? head.length),
        ...headers,
      },
      body: Buffer.concat([head, ...binary]),
    })
  }
}
