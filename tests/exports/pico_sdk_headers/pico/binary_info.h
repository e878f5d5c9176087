#ifndef PICO_BINARY_INFO_H
#define PICO_BINARY_INFO_H

#define bi_program_feature(feature) ("" feature)
#define bi_decl(declaration) (void)(declaration)
#endif
