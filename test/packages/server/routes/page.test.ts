import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import { BROWSER_PATH, startBrowser } from '../../../support/browser.js'
import { CHECKPOINT } from '../../../support/fashion_mnist.js'
import { testImages, writePng } from '../../../support/images.js'
import { inFolder } from '../../../support/checkpoints.js'
import { MODEL, post, startServer, useServer } from '../../../support/server.js'
import { skip } from '../../../support/skip.js'

const AXE = createRequire(import.meta.url).resolve('axe-core')
const ADDRESSES = ['/', '/page/style.css', '/page/script.js', '/page/charts.js', '/page/invert.js', '/page/samples.png']

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly help: string
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

// What runs in the browser is text: the types of a browser are not those of the tests.

/** In the browser, makes a file of a sample and sends an event that has it in `files`. */
function dispatch(sample: string, event: string): string {
  return `(async () => {
    const style = document.querySelector('button[aria-label="${sample}"]').style.backgroundPosition
    const image = new Image()
    image.src = 'page/samples.png'
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = image.height
    canvas.getContext('2d').drawImage(image, -(parseFloat(style) / 100) * (image.width - image.height), 0)
    const blob = await new Promise((resolve) => canvas.toBlob(resolve))
    const files = new DataTransfer()
    files.items.add(new File([blob], 'x.png', { type: 'image/png' }))
    document.body.dispatchEvent(${event})
  })()`
}

describe('the page of the server', function () {
  this.timeout(60_000)
  const running = useServer()
  let browser: Browser | undefined

  before(async function () {
    if (BROWSER_PATH === undefined) skip(this, 'there is no Chromium (on Debian: apt-get install chromium)')
    browser = await startBrowser()
  })

  after(async () => {
    await browser?.close()
  })

  /** Opens the page; fails if the page does. */
  async function onPage(
    body: (page: Page) => Promise<void>,
    options: BrowserContextOptions = {},
    url = running().url,
  ): Promise<void> {
    assert.ok(browser)
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', ({ message }) => faults.push(message))
    page.on('console', (message) => {
      // What the server refuses is shown there, too.
      if (message.type() === 'error' && !message.text().includes('Failed to load resource')) faults.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !/^(?:blob|data):/.test(request.url()))
        faults.push(`asks for ${request.url()}`)
    })
    try {
      await page.goto(url)
      await page.waitForSelector('#dot.ready')
      await body(page)
      assert.deepEqual(faults, [])
    } finally {
      await context.close()
    }
  }

  /** Waits until this is the best answer. */
  async function first(page: Page, label: string): Promise<void> {
    await page.locator('#answers li:first-child .row', { hasText: label }).waitFor()
  }

  const best = (page: Page): Promise<string | null> => page.textContent('#answers li:first-child .row span')

  async function withBoot(body: (path: string) => Promise<void>): Promise<void> {
    await inFolder(async (folder) => {
      const [boot] = await testImages(1)
      assert.ok(boot)
      await body(await writePng(`${folder}/boot.png`, boot))
    })
  }

  it('classifies an image that is selected: classes, times, the size of the batch', async () => {
    await withBoot((path) =>
      onPage(async (page) => {
        await page.setInputFiles('#file', path)
        await page.waitForSelector('#answers li:nth-child(5)')

        assert.equal(await best(page), 'Ankle boot')
        assert.match((await page.textContent('#answers li:first-child')) ?? '', /99\.\d %/)
        assert.match(
          (await page.textContent('#timing-list')) ?? '',
          /queue[\d.]+ ms.*preprocess[\d.]+ ms.*compute[\d.]+ ms.*total.*batch size1/,
        )
      }),
    )
  })

  it('answers a sample by one click, and by the keyboard alone', async () => {
    await onPage(async (page) => {
      await page.click('button[aria-label="Trouser"]')
      await page.waitForSelector('#answers li')
      assert.equal(await best(page), 'Trouser')

      await page.focus('#model')
      for (let tab = 0; tab < 4; tab++) await page.keyboard.press('Tab')
      await page.keyboard.press('Enter')
      await first(page, 'Pullover')
    })
  })

  it('classifies an image that is dropped or pasted', async () => {
    await onPage(async (page) => {
      await page.evaluate(dispatch('Ankle boot', `new DragEvent('drop', { bubbles: true, dataTransfer: files })`))
      await first(page, 'Ankle boot')

      await page.evaluate(dispatch('Trouser', `new ClipboardEvent('paste', { bubbles: true, clipboardData: files })`))
      await first(page, 'Trouser')
    })
  })

  it('asks the model that is selected', async () => {
    const { server, url } = await startServer({ models: { one: CHECKPOINT, two: CHECKPOINT } })
    try {
      await onPage(
        async (page) => {
          await page.selectOption('#model', 'two')
          const asked = page.waitForRequest(/v1\/classify/)
          await page.click('#sample-list button')

          assert.match((await asked).url(), /\/v1\/classify\/two$/)
          await page.waitForSelector('#answers li')
        },
        {},
        url,
      )
    } finally {
      await server.close()
    }
  })

  it('says what is wrong with a file that is not an image, and goes on', async () => {
    await onPage(async (page) => {
      await page.setInputFiles('#file', { name: 'x.png', mimeType: 'image/png', buffer: Buffer.from('x') })
      await page.waitForSelector('#error:not([hidden])')
      assert.equal(
        await page.textContent('#error'),
        'The server cannot read x.png as an image. It may be damaged, or not be an image: use a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file.',
      )

      await page.click('#sample-list button')
      await page.waitForSelector('#answers li')
      assert.equal(await page.isVisible('#error'), false)
    })
  })

  it('says that the server is gone', async () => {
    const { server, url } = await startServer()
    await onPage(
      async (page) => {
        await server.close()
        await page.click('#sample-list button:last-child')
        await page.waitForSelector('#error:not([hidden])')

        assert.match((await page.textContent('#error')) ?? '', /does not respond/)
        await page.waitForSelector('#dot.bad')
      },
      {},
      url,
    )
  })

  it('asks for a token where the server does', async () => {
    const { server, url } = await startServer({ token: 'secret' })
    try {
      await onPage(
        async (page) => {
          await page.waitForSelector('#token-form:not([hidden])')
          await page.fill('#token', 'guessed')
          await page.press('#token', 'Enter')
          await page.locator('#error', { hasText: 'The server does not know this token.' }).waitFor()
          await page.waitForSelector('#token-form:not([hidden])')
          await page.fill('#token', 'secret')
          await page.press('#token', 'Enter')
          await page.click('#sample-list button')
          await page.waitForSelector('#answers li')

          assert.equal(await best(page), 'Ankle boot')
        },
        {},
        url,
      )
    } finally {
      await server.close()
    }
  })

  it('copies the request as a command', async () => {
    await onPage(
      async (page) => {
        await page.click('#sample-list button')
        await page.waitForSelector('#copy:not([hidden])')
        await page.click('#copy')
        await page.locator('#copy', { hasText: 'Copied' }).waitFor()

        assert.equal(
          await page.evaluate('navigator.clipboard.readText()'),
          `curl -H 'Content-Type: image/png' --data-binary '@ankle-boot.png' '${running().url}/v1/classify/${MODEL}'`,
        )
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    )
  })

  it('shows the command and selects it where the browser does not let the page copy', async () => {
    await onPage(async (page) => {
      // As on pages that are neither of localhost nor over HTTPS.
      await page.evaluate(`Object.defineProperty(navigator, 'clipboard', { value: undefined })`)
      await page.click('#sample-list button')
      await page.waitForSelector('#copy:not([hidden])')
      await page.click('#copy')
      await page.locator('#copy', { hasText: 'Press Ctrl+C' }).waitFor()

      const command = `curl -H 'Content-Type: image/png' --data-binary '@ankle-boot.png' '${running().url}/v1/classify/${MODEL}'`
      assert.equal(await page.inputValue('#command'), command)
      assert.equal(await page.evaluate('String(getSelection()) || document.activeElement.value'), command)
    })
  })

  it('draws the load', async () => {
    await onPage(async (page) => {
      const input = { name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data: Array<number>(3 * 28 * 28).fill(0) }
      const drawn = async (): Promise<number> => {
        const path = await page.getAttribute('.chart:first-child path.first.line', 'd')
        return (path ?? '').split(/(?=[ML])/).length
      }
      while ((await drawn()) < 2) await post(`${running().url}/v2/models/${MODEL}/infer`, { inputs: [input] })

      assert.match(
        (await page.getAttribute('.chart:first-child svg', 'aria-label')) ?? '',
        /^Responses per second: last [\d.]+\/s, scale from 0 to \d+\/s$/,
      )
      assert.match((await page.textContent('.chart:nth-child(2) h3')) ?? '', /ms · .* ms$/)
    })
  })

  it('shows a single request: a dot of its latency beside a scale with units, which stays', async () => {
    await onPage(async (page) => {
      const input = { name: 'input', datatype: 'FP32', shape: [1, 3, 28, 28], data: Array<number>(3 * 28 * 28).fill(0) }
      const latency = page.locator('.chart:nth-child(2)')
      await page.waitForSelector('.chart:nth-child(3) path.first.dots[d]', { state: 'attached' })
      await post(`${running().url}/v2/models/${MODEL}/infer`, { inputs: [input] })

      await latency.locator('h3', { hasText: 'ms ·' }).waitFor()
      await new Promise((resolve) => setTimeout(resolve, 2500))

      assert.match((await latency.locator('path.first.dots').getAttribute('d')) ?? '', /^M[\d.]+ [\d.]+h0$/)
      assert.match((await latency.locator('h3').textContent()) ?? '', /ms · .* ms$/)
      assert.match((await latency.locator('.top').textContent()) ?? '', /^[125]0*(?:\.0)? ms$/)
      assert.deepEqual(await latency.locator('.bottom, .start, .end').allTextContents(), ['0', '2 min ago', 'now'])
    })
  })

  it('says that a photo on a light background must be inverted for the sample model, and inverts it', async () => {
    await inFolder(async (folder) => {
      const [boot] = await testImages(1)
      assert.ok(boot)
      const negative = { ...boot, pixels: boot.pixels.map((value) => 255 - value) }
      const path = await writePng(`${folder}/photo.png`, negative)
      await onPage(async (page) => {
        await page.setInputFiles('#file', path)
        await page.waitForSelector('#light:not([hidden])')
        await page.check('#invert')
        await first(page, 'Ankle boot')

        assert.equal(await page.isVisible('#light'), false)
        // The command would send the file as it is.
        assert.equal(await page.isVisible('#copy'), false)

        await page.click('button[aria-label="Trouser"]')
        await first(page, 'Trouser')
        assert.equal(await page.isVisible('#light'), false)
        assert.equal(await page.isChecked('#invert'), false)
      })
    })
  })

  for (const scheme of ['light', 'dark'] as const) {
    it(`is accessible, ${scheme}, on a phone of 375 pixels: axe finds nothing, nothing is cut off`, async () => {
      await onPage(
        async (page) => {
          await page.click('#sample-list button')
          await page.waitForSelector('#answers li')
          const isCut = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
          assert.equal(isCut, false)

          // Its policy lets no script in but its own: the check is put in beside it.
          const check = `(async () => { ${await readFile(AXE, 'utf8')}; return axe.run() })()`
          const { violations } = await page.evaluate<AxeResults>(check)

          assert.deepEqual(
            violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join()}`),
            [],
          )
        },
        { colorScheme: scheme, viewport: { width: 375, height: 740 } },
      )
    })
  }

  it('lets nothing in that is not its own, and is not sent again while it is the same', async () => {
    for (const address of ADDRESSES) {
      const { status, headers } = await fetch(running().url + address)
      assert.equal(status, 200)
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self'/)
      assert.equal(headers.get('x-content-type-options'), 'nosniff')

      const again = await fetch(running().url + address, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
      assert.equal(again.status, 304)
    }
  })

  it('answers HEAD with the headers of GET, and no body', async () => {
    for (const address of ADDRESSES) {
      const [get, head] = await Promise.all(['GET', 'HEAD'].map((method) => fetch(running().url + address, { method })))
      assert.ok(get && head)

      assert.equal(head.status, 200, address)
      for (const name of ['content-type', 'content-length', 'etag', 'cache-control', 'content-security-policy']) {
        assert.ok(head.headers.has(name) && head.headers.get(name) === get.headers.get(name), `${name} of ${address}`)
      }
      assert.equal((await head.arrayBuffer()).byteLength, 0)
      await get.arrayBuffer()
    }
  })

  it('is not there with page: false', async () => {
    const { server, url } = await startServer({ page: false })

    const statuses = await Promise.all(ADDRESSES.map(async (address) => (await fetch(url + address)).status))

    await server.close()
    assert.deepEqual(
      statuses,
      ADDRESSES.map(() => 404),
    )
  })
})
