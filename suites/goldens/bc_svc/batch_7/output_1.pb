BprobabilitiesJ8åLÈ>Ù?ú	^?Ø>PÏ+>-U?è§j?¸Àª= D>û÷N?]OÝ>RX?…
Õ>¿z?