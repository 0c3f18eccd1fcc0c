// The half of compare_images.py that runs this package: reads paths from standard input, one a line, and answers each with a
// line (width, height and count of bytes, or "refused" and why), after which the bytes follow.
import { once } from 'node:events'
import { createInterface } from 'node:readline'

import { decodeImage } from 'napi-torch'

for await (const path of createInterface({ input: process.stdin })) {
  const exifOrientation = process.argv.includes('--upright')
  const answer = await decodeImage(path, { exifOrientation }).catch((error) => error)
  if (answer instanceof Error) {
    const code = answer.code === 'TORCH_IMAGE' ? '' : `${answer.code} `
    process.stdout.write(`refused ${code}${answer.message.split('\n', 1)[0]}\n`)
  } else {
    process.stdout.write(`${answer.width} ${answer.height} ${answer.data.length}\n`)
    if (!process.stdout.write(answer.data)) await once(process.stdout, 'drain')
  }
}
