/** How a kind of file is told, what it is called, and what helps. */
interface Kind {
  readonly is: (head: Uint8Array, text: string) => boolean
  readonly says: string
}

const INTO_STATE_DICT = `in Python, torch.save(model.state_dict(), 'model.pth')`

const bytes =
  (...magic: number[]): Kind['is'] =>
  (head) =>
    magic.every((byte, index) => head[index] === byte)
const ascii =
  (magic: string, at = 0): Kind['is'] =>
  (_head, text) =>
    text.startsWith(magic, at)
const matches =
  (pattern: RegExp): Kind['is'] =>
  (_head, text) =>
    pattern.test(text)

/** Kinds of files by their first bytes, the more particular ones first. */
const KINDS: readonly Kind[] = [
  { is: ascii('version https://git-lfs'), says: 'it is a Git LFS pointer; fetch the real file with `git lfs pull`' },
  {
    is: matches(/^\s*(?:<!doctype html|<html)/i),
    says: 'it is a web page; the download got an HTML page instead of the file',
  },
  {
    is: matches(/^\s*(?:<\?xml[^>]*\?>\s*)?<Error>/),
    says: 'it is the error page of a storage service; the download was refused, so check the address and the access',
  },
  {
    is: matches(/^\s*<\?xml/),
    says: 'it is XML, such as a model of OpenVINO or an error page; export the weights with torch.save',
  },
  { is: bytes(0x1f, 0x8b), says: 'it is compressed with gzip; unpack it with `gunzip FILE`' },
  { is: bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), says: 'it is compressed with xz; unpack it with `unxz FILE`' },
  { is: ascii('BZh'), says: 'it is compressed with bzip2; unpack it with `bunzip2 FILE`' },
  { is: bytes(0x28, 0xb5, 0x2f, 0xfd), says: 'it is compressed with zstd; unpack it with `unzstd FILE`' },
  { is: bytes(0x04, 0x22, 0x4d, 0x18), says: 'it is compressed with lz4; unpack it with `unlz4 FILE`' },
  { is: bytes(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c), says: 'it is a 7z archive; unpack it with `7z x FILE`' },
  { is: ascii('Rar!'), says: 'it is a RAR archive; unpack it with `unrar x FILE`' },
  {
    is: bytes(0x89, 0x48, 0x44, 0x46),
    says: `it is an HDF5 file, such as Keras writes; this package reads models of PyTorch: ${INTO_STATE_DICT}`,
  },
  { is: bytes(0x93, 0x4e, 0x55, 0x4d), says: 'it is a numpy array; a checkpoint is made by torch.save or safetensors' },
  { is: ascii('GGUF'), says: 'it is a GGUF file, such as llama.cpp reads; take the checkpoint that it was made from' },
  {
    is: matches(/^(?:lmgg|tjgg|fmgg)/),
    says: 'it is a GGML file, such as llama.cpp reads; take the checkpoint that it was made from',
  },
  {
    is: ascii('TFL3', 4),
    says: `it is a TensorFlow Lite model; take the PyTorch model that it was made from: ${INTO_STATE_DICT}`,
  },
  {
    // Field 1 of ModelProto, the version of the format; the name of the producer follows as text.
    is: (head, text) => isProtocolBuffer(head) && /pytorch|onnx|producer|keras/i.test(text.slice(0, 80)),
    says: `it is an ONNX model; take the PyTorch model that it was made from: ${INTO_STATE_DICT}`,
  },
  {
    is: (head) => isProtocolBuffer(head) && head[2] === 0x12,
    says: `it looks like a model in protocol buffers, as of ONNX; take the PyTorch model that it was made from: ${INTO_STATE_DICT}`,
  },
  {
    is: bytes(0x89, 0x50, 0x4e, 0x47),
    says: 'it is a PNG image; the first argument is the checkpoint, the images follow it',
  },
  {
    is: bytes(0xff, 0xd8, 0xff),
    says: 'it is a JPEG image; the first argument is the checkpoint, the images follow it',
  },
  { is: ascii('GIF8'), says: 'it is a GIF image; the first argument is the checkpoint, the images follow it' },
  {
    is: matches(/^RIFF[\s\S]{4}WEBP/),
    says: 'it is a WebP image; the first argument is the checkpoint, the images follow it',
  },
  { is: ascii('%PDF'), says: 'it is a PDF document' },
  { is: ascii('SQLite format 3'), says: 'it is an SQLite database' },
  { is: bytes(0x7f, 0x45, 0x4c, 0x46), says: 'it is a program or library for Linux' },
  {
    is: (head) => head[0] === 0x80 && (head[1] ?? 9) <= 5,
    says: `it is a plain pickle, as of pickle.dump or joblib; only what torch.save wrote is read: in Python, torch.save(pickle.load(open('FILE', 'rb')), 'model.pth')`,
  },
  {
    is: (head) => head.every((byte) => byte === 0),
    says: 'its first bytes are zeros: the download or the copy was not completed',
  },
  { is: (head) => head.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d)), says: 'it is text' },
]

function isProtocolBuffer(head: Uint8Array): boolean {
  const version = head[1] ?? 0
  return head[0] === 0x08 && version > 0 && version <= 16
}

/** Says what a file is that is no checkpoint, by its first bytes, and what helps. */
export function nameFile(head: Uint8Array): string {
  const text = Buffer.from(head).toString('latin1')
  const kind = KINDS.find(({ is }) => is(head, text))
  if (kind !== undefined) return kind.says
  const shown = Buffer.from(head.subarray(0, 8)).toString('hex').replace(/../g, '$& ').trim()
  return `its first bytes are ${shown}`
}
