"""The hook that PyInstaller runs when a program imports `autotrace`."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules, copy_metadata

from autotrace import _pyinstaller

_NOT_AT_RUN_TIME = ("autotrace._cli", "autotrace._pyinstaller", "autotrace.site", "autotrace.testing", "autotrace.__main__")

hiddenimports = collect_submodules("autotrace", filter=lambda name: not name.startswith(_NOT_AT_RUN_TIME))
hiddenimports += _pyinstaller.modules()
datas = collect_data_files("autotrace", includes=["*.json"])
for _name in _pyinstaller.distributions():
    datas += copy_metadata(_name)
