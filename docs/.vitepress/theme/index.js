// The default theme with the fonts of the system: pages ask for no file of another site.
import theme from 'vitepress/theme-without-fonts'

import './style.css'

export default theme
