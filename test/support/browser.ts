import { existsSync } from 'node:fs'

import { chromium, type Browser } from 'playwright-core'

/** Where Debian and others put it. */
const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The browser of this system, or undefined. */
export const BROWSER_PATH = PATHS.find(existsSync)

/** Starts it without a window. Nothing of it may ask the network for anything. */
export function startBrowser(): Promise<Browser> {
  if (BROWSER_PATH === undefined) throw new Error('There is no Chromium')
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking']
  return chromium.launch({
    executablePath: BROWSER_PATH,
    args: [...args, '--disable-component-update', '--disable-sync'],
  })
}
