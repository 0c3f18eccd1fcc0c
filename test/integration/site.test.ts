import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRequire } from 'node:module'
import { extname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import { BROWSER_PATH, startBrowser } from '../support/browser.js'
import { skip } from '../support/skip.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SITE = join(ROOT, 'build', 'site')

const { resolve } = createRequire(import.meta.url)
const AXE = resolve('axe-core')

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
}

/** The home page, a page of text and the reference of the API, and two of wide tables and long lines of code. */
const KINDS = ['/', '/getting_started.html', '/api/data.html']
const PAGES = [...KINDS, '/server.html', '/cookbook.html']

interface AxeResults {
  readonly violations: readonly {
    readonly id: string
    readonly impact: string | null
    readonly nodes: readonly { readonly html: string }[]
  }[]
}

/** Serves the files of the site as a web server does. */
function startSite(): Promise<Server> {
  const server = createServer(({ url = '/' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://site').pathname)
    const file = join(SITE, path.endsWith('/') ? `${path}index.html` : path)
    try {
      const body = readFileSync(file)
      response.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  return new Promise((listening) => server.listen(0, '127.0.0.1', () => listening(server)))
}

/** Paths of the pages below the folder of the site. */
function pagesOfSite(): readonly string[] {
  return readdirSync(SITE, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.html') && file !== '404.html')
}

function placesIn(html: string): readonly string[] {
  return [...html.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)
}

/** Links to a heading of the site, as file and heading. */
function linksIn(html: string, file: string): readonly string[] {
  return [...html.matchAll(/ href="([^":]*)#([^"]+)"/g)].map(([, path = '', heading = '']) => {
    const target = new URL(path, `http://site/${file}`).pathname.slice(1)
    return `${target.replace(/(^|\/)$/, '$1index.html')}#${decodeURIComponent(heading)}`
  })
}

describe('the documentation site', function () {
  this.timeout(60_000)
  let server: Server
  let url: string
  let browser: Browser | undefined

  before(async function () {
    this.timeout(300_000)
    const tsx = pathToFileURL(resolve('tsx')).href
    const args = ['--conditions=napi-torch-source', '--import', tsx, 'scripts/docs.ts']
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
    assert.equal(status, 0, stdout + stderr)
    server = await startSite()
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    if (BROWSER_PATH !== undefined) browser = await startBrowser()
  })

  after(async () => {
    await browser?.close()
    server.close()
  })

  /** Opens a page; fails where it asks another machine for anything, or where a script of it fails. */
  async function onPage(path: string, body: (page: Page) => Promise<void>, options: BrowserContextOptions = {}) {
    assert.ok(browser)
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const faults: string[] = []
    page.on('pageerror', ({ message }) => faults.push(message))
    page.on('console', (message) => {
      if (message.type() === 'error') faults.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) faults.push(`asks ${request.url()}`)
    })
    try {
      await page.goto(url + path, { waitUntil: 'networkidle' })
      await body(page)
    } finally {
      await context.close()
    }
    assert.deepEqual(faults, [])
  }

  describe('its files', () => {
    it('list every page in llms.txt', () => {
      const pages = pagesOfSite().map((file) => `/${file.replace(/(^|\/)index\.html$/, '$1')}`)
      const text = readFileSync(join(SITE, 'llms.txt'), 'utf8')

      const listed = [...text.matchAll(/\]\((\/[^)]*)\)/g)].map(([, address = '']) => address)

      assert.ok(pages.length > 40)
      assert.deepEqual(listed.sort(), pages.sort())
    })

    it('have the text of every guide in llms-full.txt', () => {
      const text = readFileSync(join(SITE, 'llms-full.txt'), 'utf8')
      const guides = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md') && name !== 'index.md')

      const missing = guides.filter((name) => !text.includes(`<!-- /${name.replace(/md$/, 'html')} -->`))

      assert.deepEqual(missing, [])
    })

    it('link to headings that are there', () => {
      const texts = new Map(pagesOfSite().map((file) => [file, readFileSync(join(SITE, file), 'utf8')]))
      const places = new Set([...texts].flatMap(([file, text]) => placesIn(text).map((id) => `${file}#${id}`)))

      const broken = [...texts].flatMap(([file, text]) =>
        linksIn(text, file)
          .filter((target) => !places.has(target))
          .map((target) => `${file} → ${target}`),
      )

      assert.deepEqual([...new Set(broken)], [])
    })

    it('link to the repository where a page links to a file outside of docs/', () => {
      const page = readFileSync(join(SITE, 'deployment.html'), 'utf8')

      assert.match(page, /href="https:\/\/github\.com\/[^"]+\/blob\/main\/deploy\/kubernetes\/server\.yaml"/)
      assert.match(page, /href="https:\/\/github\.com\/[^"]+\/tree\/main\/deploy"/)
    })
  })

  describe('in a browser', () => {
    before(function () {
      if (browser === undefined) skip(this, 'there is no Chromium (on Debian: apt-get install chromium)')
    })

    it('shows the home page with a program and three numbers', () =>
      onPage('/', async (page) => {
        assert.match((await page.textContent('h1')) ?? '', /without Python/)
        assert.equal(await page.locator('.home-numbers li').count(), 3)
        assert.match((await page.textContent('.home-top pre code >> nth=1')) ?? '', /Classifier\.load/)
      }))

    it('finds BatchNorm2d, and goes there', () =>
      onPage('/getting_started.html', async (page) => {
        await page.click('.DocSearch-Button')
        await page.fill('#localsearch-input', 'BatchNorm2d')
        await page.locator('.VPLocalSearchBox .result', { hasText: 'BatchNorm2d' }).first().click()
        await page.waitForURL(/#batchnorm2d$/)

        // The address changes before the page does.
        await page.locator('h2#batchnorm2d').waitFor()
      }))

    it('turns dark and light again', () =>
      onPage(
        '/getting_started.html',
        async (page) => {
          const isDark = (): Promise<unknown> => page.evaluate("document.documentElement.classList.contains('dark')")
          const before = await isDark()

          await page.click('.VPNavBarAppearance .VPSwitchAppearance')
          const between = await isDark()
          await page.click('.VPNavBarAppearance .VPSwitchAppearance')

          assert.deepEqual([before, between, await isDark()], [false, true, false])
        },
        { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
      ))

    for (const path of PAGES) {
      it(`scrolls down alone on a phone: ${path}`, () =>
        onPage(
          path,
          async (page) => {
            assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0)
          },
          { viewport: { width: 360, height: 740 }, isMobile: true },
        ))
    }

    for (const path of KINDS) {
      for (const colorScheme of ['light', 'dark'] as const) {
        it(`has no serious violation that axe finds, ${colorScheme}: ${path}`, () =>
          onPage(
            path,
            async (page) => {
              await page.addScriptTag({ path: AXE })

              const { violations } = await page.evaluate<AxeResults>('axe.run()')

              const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
              assert.deepEqual(
                serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
                [],
              )
            },
            { colorScheme },
          ))
      }
    }
  })
})
