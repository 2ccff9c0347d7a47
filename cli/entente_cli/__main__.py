"""python -m entente_cli"""

from entente_cli.app import main

main()
