import { gzipSync } from 'node:zlib'

import sharp from 'sharp'

/** A request over HTTP. */
export interface HttpCase {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A call over gRPC. */
export interface GrpcCase {
  readonly name: string
  readonly message: object
}

const SIZE = 224
const SAMPLE = 3 * SIZE * SIZE
/** Samples whose JSON takes a little less than 8 MiB, the default of `maxJsonBytes`. */
const SAMPLES = 6
const JSON_TYPE = { 'content-type': 'application/json' }
const INFER = '/v2/models/resnet18/infer'

const number = (index: number): number => Number((Math.sin(index) * 0.5).toFixed(5))

/** Numbers of a batch, as nested as (N, C, H, W) says. */
function nested(samples: number): unknown {
  let at = 0
  const level = ([size = 0, ...rest]: readonly number[]): unknown[] =>
    Array.from({ length: size }, () => (rest.length === 0 ? number(at++) : level(rest)))
  return level([samples, 3, SIZE, SIZE])
}

function json(input: object, parameters: object = {}): Buffer {
  const name = 'input'
  return Buffer.from(JSON.stringify({ inputs: [{ name, ...input }], outputs: [{ name: 'logits' }], parameters }))
}

function binary(name: string, datatype: string, shape: readonly number[], tensor: Buffer): HttpCase {
  const head = json({ datatype, shape, parameters: { binary_data_size: tensor.length } })
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  }
  return { name, path: INFER, headers, body: Buffer.concat([head, tensor]) }
}

/** A photo of 24 megapixels, as cameras make them. */
async function photo(): Promise<Buffer> {
  const [width, height] = [6000, 4000]
  const data = Buffer.alloc(3 * width * height)
  for (let at = 0; at < data.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / (3 * width))]
    data[at] = 128 + 60 * Math.sin(x / 90 + (at % 3)) + 40 * Math.cos(y / 70) + (Math.imul(at, 2654435761) >>> 28)
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}

/** The requests over HTTP. */
export async function httpCases(): Promise<readonly HttpCase[]> {
  const jpeg = await photo()
  const shape = [SAMPLES, 3, SIZE, SIZE]
  const flat = json({ datatype: 'FP32', shape, data: Array.from({ length: SAMPLES * SAMPLE }, (_, at) => number(at)) })
  const instances = Buffer.from(JSON.stringify({ instances: nested(SAMPLES) }))
  const post = (name: string, body: Buffer, path = INFER, headers: HttpCase['headers'] = JSON_TYPE): HttpCase => {
    return { name: `${name}, ${(body.length / 1e6).toFixed(1)} MB`, path, headers, body }
  }
  const pixels = (channels: number): HttpCase => {
    const side = Math.floor(Math.sqrt(25e6 / channels))
    const name = `UINT8, ${channels === 1 ? 'gray' : 'RGB'}, 25 MB`
    return binary(name, 'UINT8', [1, side, side, channels], Buffer.alloc(side * side * channels, 100))
  }
  const wide = (name: string, parameters: object): HttpCase => {
    const tensor = Buffer.alloc(8 * SAMPLE * 4)
    const parts = { datatype: 'FP32', shape: [8, 3, SIZE, SIZE], parameters: { binary_data_size: tensor.length } }
    const head = json(parts, parameters)
    const headers = {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(head.length),
    }
    return { name, path: '/v2/models/wide/infer', headers, body: Buffer.concat([head, tensor]) }
  }
  const photoText = json({ datatype: 'BYTES', shape: [1], data: [jpeg.toString('base64')] })
  return [
    post('JSON, flat', flat),
    post('JSON, nested', json({ datatype: 'FP32', shape, data: nested(SAMPLES) })),
    post('JSON, version 1', instances, '/v1/models/resnet18:predict'),
    post('JSON, base64', photoText),
    post('JSON, flat, gzip', gzipSync(flat, { level: 1 }), INFER, { ...JSON_TYPE, 'content-encoding': 'gzip' }),
    post('JSON, empty arrays', json({ datatype: 'FP32', shape, data: Array.from({ length: 2.5e6 }, () => []) })),
    post('JSON, deep', Buffer.from(`{"inputs":${'['.repeat(4e6)}${']'.repeat(4e6)}}`)),
    binary('FP32, 19 MB', 'FP32', [32, 3, SIZE, SIZE], Buffer.alloc(32 * SAMPLE * 4)),
    binary('FP16, 10 MB', 'FP16', [32, 3, SIZE, SIZE], Buffer.alloc(32 * SAMPLE * 2)),
    pixels(1),
    pixels(3),
    post('JPEG of 24 megapixels', jpeg, '/v1/classify/resnet18', { 'content-type': 'image/jpeg' }),
    wide('response of 8 × 100,000 numbers, JSON', {}),
    wide('response of 8 × 100,000 numbers, binary', { binary_data_output: true }),
    wide('response of 8 × 100 classes of 100,000', { classification: 100 }),
  ]
}

/** The calls over gRPC. */
export function grpcCases(): readonly GrpcCase[] {
  const message = (samples: number, contents: object | undefined, raw: readonly Buffer[]): object => ({
    model_name: 'resnet18',
    inputs: [{ name: 'input', datatype: 'FP32', shape: [samples, 3, SIZE, SIZE], contents }],
    raw_input_contents: raw,
  })
  const numbers = Array.from({ length: 13 * SAMPLE }, (_, at) => number(at))
  return [
    { name: 'gRPC, raw, 19 MB', message: message(32, undefined, [Buffer.alloc(32 * SAMPLE * 4)]) },
    { name: 'gRPC, fp32_contents, 7.8 MB', message: message(13, { fp32_contents: numbers }, []) },
  ]
}
