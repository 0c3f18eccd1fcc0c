import { join } from 'node:path'

import { defineConfig, type DefaultTheme, type MarkdownEnv } from 'vitepress'

import { ROOT } from '../../scripts/package/files.js'
import { REPOSITORY } from '../../scripts/package/project.js'
import { anchorOf, siteLink } from '../../scripts/site/links.js'
import { writeTexts } from '../../scripts/site/llms.js'

const GUIDES = [
  { text: 'Classifier', link: '/classifier' },
  { text: 'Checkpoints', link: '/checkpoints' },
  { text: 'Images and presets', link: '/images' },
  { text: 'Your own architecture', link: '/own_architecture' },
  { text: 'Compile and speed', link: '/engine' },
  { text: 'Quantization', link: '/quantization' },
  { text: 'Serving', link: '/server' },
  { text: 'Batch jobs', link: '/scale' },
  { text: 'Training', link: '/training' },
  { text: 'Exported programs', link: '/exported_programs' },
  { text: 'Deployment', link: '/deployment' },
  { text: 'Memory', link: '/memory' },
  { text: 'Security', link: '/security' },
]

const COMING_FROM = [
  { text: 'Python and PyTorch', link: '/from_pytorch' },
  { text: 'onnxruntime-node', link: '/from_onnxruntime' },
  { text: 'TensorFlow.js', link: '/from_tfjs' },
  { text: 'Transformers.js', link: '/from_transformers_js' },
  { text: 'TorchServe and Triton', link: '/from_triton' },
]

const API = [
  { text: 'napi-torch', link: '/api/napi-torch/' },
  { text: 'napi-torch/nn', link: '/api/nn/' },
  { text: 'functional', link: '/api/nn/namespaces/functional' },
  { text: 'napi-torch/models', link: '/api/models' },
  { text: 'napi-torch/vision', link: '/api/vision/' },
  { text: 'napi-torch/engine', link: '/api/engine' },
  { text: 'napi-torch/checkpoint', link: '/api/checkpoint' },
  { text: 'napi-torch/optim', link: '/api/optim' },
  { text: 'napi-torch/data', link: '/api/data' },
  { text: 'napi-torch/train', link: '/api/train' },
  { text: '@napi-torch/server', link: '/api/server' },
  { text: '@napi-torch/jobs', link: '/api/jobs' },
]

const REFERENCE: DefaultTheme.SidebarItem[] = [
  { text: 'API', link: '/api/', collapsed: true, items: API },
  { text: 'Command line', link: '/cli' },
  { text: 'Settings of the server', link: '/server#settings' },
  { text: 'Metrics', link: '/server#metrics' },
  { text: 'Errors', link: '/errors' },
  { text: 'Layers and functions', link: '/layers' },
  { text: 'Models', link: '/models' },
  { text: 'Formats', link: '/checkpoints#reading' },
  { text: 'Platforms', link: '/platforms' },
]

const PROJECT = [
  { text: 'Benchmarks', link: '/benchmarks' },
  { text: 'Parity with PyTorch', link: '/parity' },
  { text: 'Limits', link: '/limits' },
  { text: 'Sample model', link: '/project/sample_model' },
  { text: 'Changelog', link: '/project/changelog' },
  { text: 'Upgrading', link: '/project/upgrading' },
  { text: 'Contributing', link: '/project/contributing' },
  { text: 'Releasing', link: '/releasing' },
]

/** An N, within the page: one request less. */
const ICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#b3361a"/>' +
    '<path d="M10 23V9l12 14V9" fill="none" stroke="#fff" stroke-width="3.4"/></svg>',
)}`

/** The part of markdown-it that is needed here. */
interface Renderer {
  render(text: string, env: MarkdownEnv): string
}

/** What the search reads of a page: a section for each heading, but for those that every class of the reference repeats. */
function searched(text: string, env: MarkdownEnv, markdown: Renderer): string {
  // Colors of code cost most of the time, and the search sees none.
  const plain = text.replace(/^```\w+$/gm, '```text')
  return markdown
    .render(plain, env)
    .replace(/<h3 id="(?:constructor|properties|methods|accessors)(?:-\d+)?".*?<\/h3>/g, '')
}

export default defineConfig({
  title: 'napi-torch',
  description: 'PyTorch in Node.js: loads torch.save checkpoints, without Python',
  lang: 'en-US',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: ICON }]],
  outDir: join(ROOT, 'build', 'site'),
  cacheDir: join(ROOT, 'build', 'vitepress'),
  // Addresses of the reader's own machine, in examples.
  ignoreDeadLinks: 'localhostLinks',
  // The default, 64 pages at a time, takes more memory than a small machine has.
  buildConcurrency: 8,
  vite: {
    // Images of benchmarks lie beside docs/.
    server: { fs: { allow: [ROOT] } },
    // The index of the search is one file, which is fetched when it is first used.
    build: { chunkSizeWarningLimit: 4096 },
  },
  markdown: {
    anchor: { slugify: anchorOf },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (markdown) => {
      markdown.core.ruler.push('site_links', ({ tokens, env }) => {
        const { relativePath } = env as { readonly relativePath: string }
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const link = token.type === 'link_open' ? token.attrGet('href') : null
          if (link !== null) token.attrSet('href', siteLink(link, relativePath))
        }
      })
    },
  },
  themeConfig: {
    outline: { level: [2, 3] },
    search: { provider: 'local', options: { _render: searched } },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
    externalLinkIcon: true,
    nav: [
      { text: 'Getting started', link: '/getting_started' },
      { text: 'Guides', items: GUIDES },
      { text: 'Cookbook', link: '/cookbook' },
      { text: 'API', link: '/api/' },
      { text: 'Benchmarks', link: '/benchmarks' },
    ],
    sidebar: [
      {
        items: [
          { text: 'Getting started', link: '/getting_started' },
          { text: 'Cookbook', link: '/cookbook' },
        ],
      },
      { text: 'Guides', items: GUIDES },
      { text: 'Coming from', items: COMING_FROM },
      { text: 'Reference', items: REFERENCE },
      { text: 'Project', items: PROJECT },
    ],
    footer: { message: 'MIT license. Not a project of the PyTorch Foundation.' },
  },
  buildEnd: writeTexts,
})
