// The page of the server: classifies an image, and shows the load of the last two minutes. It makes requests to the server only.

import { Charts } from './charts.js'
import { hasLightBackground, inverted } from './invert.js'

const element = (id) => document.getElementById(id)
const [model, file, drop, preview] = ['model', 'file', 'drop', 'preview'].map(element)

const SAMPLES = ['Ankle boot', 'Pullover', 'Trouser', 'Shirt', 'Coat', 'Sandal', 'Sneaker', 'Dress']
const SAMPLE_SIDE = 28
/** Images up to this size are enlarged, with visible pixels. */
const SMALL_SIDE = 64
const POLL_MS = 1000

/** Kept in memory only: it is forgotten when the page is closed. */
let token = ''
let current = null
/** Whether the model is the sample model, or knows what that knows. */
let isFashion = false
/** Number of the last request: the results of earlier ones are ignored. */
let turn = 0

class Refusal extends Error {
  constructor(status, text, code) {
    super(text)
    this.status = status
    this.code = code
  }
}

async function ask(path, init = {}) {
  const headers = { ...init.headers, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) }
  let response
  try {
    response = await fetch(path, { ...init, headers })
  } catch {
    throw new Refusal(0, 'The server does not respond. Is it still running?')
  }
  if (response.ok) return response.json()
  const { error = response.statusText, code } = await response.json().catch(() => ({}))
  throw new Refusal(response.status, error, code)
}

const ADVICE = {
  400: 'The server cannot use this file.',
  404: 'The model no longer exists.',
  413: 'The image is too large for the server.',
  415: 'The server does not accept files of this type.',
  429: 'The server is busy. Try again in a moment.',
  503: 'The server is not ready: it is loading models or shutting down.',
  504: 'The server could not answer before the deadline.',
}

/** What a person needs to know: the server's own words are added only where they say more. */
function textOf({ status, code, message }) {
  if (status === 401) return token === '' ? 'Enter a token to use this server.' : 'The server does not know this token.'
  if (code === 'TORCH_IMAGE') {
    return `The server cannot read ${current?.image.name ?? 'this file'} as an image. It may be damaged, or not be an image: use a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PNM file.`
  }
  const advice = ADVICE[status]
  return advice === undefined ? message : `${advice} (${message})`
}

function showError(error) {
  const box = element('error')
  box.hidden = error === null
  if (error === null) return
  box.textContent = textOf(error)
  if (error.status === 401) {
    element('token-form').hidden = false
    element('token').focus()
    element('token').select()
  }
}

function make(name, { className, text, ...attributes } = {}, children = []) {
  const node = name.startsWith('svg:')
    ? document.createElementNS('http://www.w3.org/2000/svg', name.slice(4))
    : document.createElement(name)
  if (className !== undefined) node.setAttribute('class', className)
  if (text !== undefined) node.textContent = text
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value)
  node.append(...children)
  return node
}

/** A bar of parts, each with a class and a length; `whole` is the length of the bar. */
function bar(parts, whole) {
  let x = 0
  const rects = parts.map(([className, length]) => {
    const rect = make('svg:rect', { className, x, y: 0, width: length, height: 1 })
    x += length
    return rect
  })
  return make('svg:svg', { viewBox: `0 0 ${whole} 1`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, rects)
}

const percent = (value) => `${(100 * value).toFixed(1)} %`
const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`

function showAnswers({ answers, timing }, totalMs) {
  element('empty').hidden = true
  element('answers').replaceChildren(
    ...answers.map(({ label, index, probability }) =>
      make('li', {}, [
        make('div', { className: 'row' }, [
          make('span', { text: label ?? `class ${index}` }),
          make('span', { text: percent(probability) }),
        ]),
        make('div', { className: 'track' }, [bar([['bar', probability]], 1)]),
      ]),
    ),
  )
  const { queueMs, preprocessMs, inferMs, batchSize } = timing
  const rest = Math.max(0, totalMs - queueMs - preprocessMs - inferMs)
  const parts = [
    ['queue', 'queue', queueMs],
    ['prepare', 'preprocess', preprocessMs],
    ['compute', 'compute', inferMs],
    ['rest', 'network and page', rest],
  ]
  element('timing').hidden = false
  element('timing-bar').replaceChildren(
    bar(
      parts.map(([className, , length]) => [className, length]),
      Math.max(totalMs, 1e-3),
    ),
  )
  const entry = (className, name, text) =>
    make('div', {}, [make('dt', { className, text: name }), make('dd', { text })])
  element('timing-list').replaceChildren(
    ...parts.map(([className, name, length]) => entry(className, name, ms(length))),
    entry('plain', 'total', ms(totalMs)),
    entry('plain', 'batch size', batchSize === 0 ? 'none: the result was kept' : String(batchSize)),
  )
  // The command would send the file as it is.
  element('copy').hidden = current.image !== current.given
}

function curl() {
  const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`
  const { type, name } = current.image
  const authorization = token === '' ? '' : " -H 'Authorization: Bearer TOKEN'"
  const url = new URL(`v1/classify/${model.value}`, location.href)
  return `curl${authorization} -H ${quoted(`Content-Type: ${type}`)} --data-binary ${quoted(`@${name}`)} ${quoted(url.href)}`
}

/** Shows what the model says of an image that the user has given, turned to its negative if that is wanted. */
async function classify(given) {
  const mine = ++turn
  showError(null)
  element('command').hidden = true
  let image = given
  if (isFashion) {
    // A file that the browser cannot show is sent as it is.
    element('light').hidden = element('invert').checked || !(await hasLightBackground(given).catch(() => false))
    if (element('invert').checked) image = await inverted(given).catch(() => given)
  } else {
    element('light').hidden = true
  }
  if (mine !== turn) return
  current = { image, given }
  showImage(image)
  const began = performance.now()
  try {
    const result = await ask(`v1/classify/${encodeURIComponent(model.value)}`, {
      method: 'POST',
      headers: { 'content-type': image.type === '' ? 'application/octet-stream' : image.type },
      body: image,
    })
    if (mine === turn) showAnswers(result, performance.now() - began)
  } catch (error) {
    if (mine !== turn) return
    element('answers').replaceChildren()
    element('timing').hidden = true
    element('copy').hidden = true
    element('empty').hidden = true
    showError(error)
  }
}

function showImage(image) {
  if (preview.src !== '') URL.revokeObjectURL(preview.src)
  preview.onload = () => preview.classList.toggle('small', preview.naturalWidth <= SMALL_SIDE)
  preview.onerror = () => {
    preview.hidden = true
    element('hint').hidden = false
  }
  preview.src = URL.createObjectURL(image)
  preview.alt = image.name
  preview.hidden = false
  element('hint').hidden = true
}

/** Cuts a sample out of the strip of all samples. */
async function sample(index) {
  const strip = new Image()
  strip.src = 'page/samples.png'
  await strip.decode()
  const canvas = make('canvas', { width: SAMPLE_SIDE, height: SAMPLE_SIDE })
  canvas.getContext('2d').drawImage(strip, -index * SAMPLE_SIDE, 0)
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'))
  return new File([blob], `${SAMPLES[index].toLowerCase().replace(' ', '-')}.png`, { type: 'image/png' })
}

function showSamples() {
  element('samples').hidden = !isFashion
  element('invert-field').hidden = !isFashion
  const list = element('sample-list')
  if (!isFashion || list.children.length > 0) return
  SAMPLES.forEach((name, index) => {
    const button = make('button', { type: 'button', title: name, 'aria-label': name })
    button.style.backgroundPosition = `${(100 * index) / (SAMPLES.length - 1)}% 0`
    button.addEventListener('click', async () => {
      // These are as the model knows them.
      element('invert').checked = false
      await classify(await sample(index))
    })
    list.append(make('li', {}, [button]))
  })
}

function showState(className, text) {
  element('dot').className = className
  // Changed only if it differs: screen readers announce every change.
  if (element('state-text').textContent !== text) element('state-text').textContent = text
}

async function showModels() {
  // Open to everyone, and not logged: the page polls it.
  const response = await fetch('readyz')
  const { models: index } = await response.json()
  const ready = [...new Set(index.filter(({ state }) => state === 'READY').map(({ name }) => name))]
  const names = Array.from(model.options, ({ value }) => value)
  const waiting = index.length - index.filter(({ state }) => state === 'READY').length
  showState(waiting === 0 ? 'ready' : '', waiting === 0 ? 'ready' : `${waiting} of ${index.length} models not ready`)
  if (names.join() === ready.join() || ready.length === 0) return
  const selected = model.value
  model.replaceChildren(...ready.map((name) => make('option', { value: name, text: name })))
  if (ready.includes(selected)) model.value = selected
  model.disabled = false
  await showModel()
}

async function showModel() {
  const { properties = {} } = await ask(`v2/models/${encodeURIComponent(model.value)}`)
  isFashion = properties.preset === 'fashion-mnist'
  showSamples()
}

const charts = new Charts(element('charts'))

async function poll() {
  if (document.hidden) return
  try {
    await showModels()
    const response = await fetch('metrics')
    charts.add(await response.text(), performance.now())
  } catch (error) {
    if (error.status === 401) element('token-form').hidden = false
    else showState('bad', 'no response')
  }
}

file.addEventListener('change', () => {
  const [image] = file.files
  if (image !== undefined) void classify(image)
  // So that the same file can be selected again.
  file.value = ''
})
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  // Also outside the field, where the browser would otherwise open the image.
  document.addEventListener(name, (event) => {
    event.preventDefault()
    drop.classList.toggle('over', name === 'dragenter' || name === 'dragover')
    const [image] = name === 'drop' ? event.dataTransfer.files : []
    if (image !== undefined) void classify(image)
  })
}
document.addEventListener('paste', ({ clipboardData }) => {
  const image = Array.from(clipboardData.files).find(({ type }) => type.startsWith('image/'))
  if (image !== undefined) void classify(image)
})
model.addEventListener('change', async () => {
  await showModel().catch(showError)
  if (current !== null) await classify(current.given)
})
element('copy').addEventListener('click', async ({ target }) => {
  target.textContent = (await copied(curl())) ? 'Copied' : 'Press Ctrl+C or ⌘C'
  setTimeout(() => (target.textContent = 'Copy as curl'), 2000)
})
element('invert').addEventListener('change', () => {
  if (current !== null) void classify(current.given)
})

/** Copies a text. Browsers allow it on secure pages only, such as those of localhost: on others, it is shown and selected. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const box = element('command')
    box.value = text
    box.hidden = false
    box.focus()
    box.select()
    return false
  }
}

element('token-form').addEventListener('submit', (event) => {
  event.preventDefault()
  token = element('token').value
  element('token-form').hidden = true
  showError(null)
  showModel().catch(showError)
  if (current !== null) void classify(current.given)
})

void poll()
setInterval(poll, POLL_MS)
document.addEventListener('visibilitychange', poll)
