"""The full-screen wizard (Textual). Importing this package is cheap; `wizard.view.app` brings the toolkit in."""
