import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'

import { ESCAPE, HAS_TERMINAL, napiTorch, napiTorchOnTerminal } from '../support/cli.js'

/** Of the first 100 test images, Python gets so many right: by the reference logits beside the model. */
const CORRECT = 93

describe('napi-torch demo', function () {
  this.timeout(120_000)

  it('prints accuracy, confusions, speed and what to try next', async () => {
    const { status, stdout, stderr } = await napiTorch(['demo', '--images', '100'])

    assert.equal(status, 0)
    const lines = stdout.split('\n')
    assert.equal(lines[0], 'ResNet-18 on 100 test images of Fashion-MNIST')
    assert.match(lines[1] ?? '', /^libtorch 2\.13\.0 \(\w+, \w+\) · \d+ threads? · 11\.2 million parameters$/)
    assert.equal(lines[3], `Accuracy  ${CORRECT}.00 %  ${CORRECT} of 100 images right (humans: 83.5 %)`)
    assert.equal(lines.filter((line) => /^(T-shirt\/top|Trouser|Bag|Ankle boot) +█/.test(line)).length, 4)
    assert.match(stdout, /^Speed {2}\S+ images\/s {2}\S+ m?s in total$/m)
    assert.match(stdout, /^latency +p50 +p95 +per image$/m)
    assert.match(stdout, /^batch of 64 +(\S+ m?s +){3}1 batch, model only$/m)
    assert.match(stdout, /^single image +(\S+ m?s +){3}50 images, from pixels to logits$/m)
    assert.equal(lines.filter((line) => line.startsWith('  npx napi-torch ')).length, 3)
    assert.ok(lines.every((line) => line.length <= 80))
    assert.match(stderr, /^100 % {2}100 of 100 · 93\.00 % right · \S+ images\/s$/m)
  })

  const onTerminal = HAS_TERMINAL ? it : it.skip

  onTerminal('draws a bar that fits the terminal, and gives the cursor back at Ctrl-C', async () => {
    let interrupted = false
    const { status, output } = await napiTorchOnTerminal(['demo'], {
      onOutput: (text, type) => {
        if (interrupted || !text.includes('% right')) return
        interrupted = true
        type('\u0003')
      },
    })

    assert.equal(status, 130)
    // The terminal itself shows ^C where it is typed.
    const drawn = output.replace('^C', '').split(`${ESCAPE}1G`).map(stripVTControlCharacters)
    assert.deepEqual(
      drawn.filter((line) => line.includes('% right') && line.length > 80),
      [],
    )
    const [hidden, shown] = [output.lastIndexOf(`${ESCAPE}?25l`), output.lastIndexOf(`${ESCAPE}?25h`)]
    assert.ok(hidden >= 0 && shown > hidden)
    assert.equal(output.trimEnd().split('\n').at(-1)?.split(`${ESCAPE}2K`).at(-1), 'napi-torch: Interrupted (SIGINT)')
  })
})
