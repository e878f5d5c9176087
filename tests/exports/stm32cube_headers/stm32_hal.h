/* What the port uses of ST's HAL and of CMSIS, under their names and with their signatures, for the
 * tests: no more of it, and no word of theirs. -D__CORTEX_M=N chooses the core, as a device's
 * header would; the registers are those of the architecture and of the STM32F405. */
#ifndef STM32_HAL_H
#define STM32_HAL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    volatile uint32_t CTRL;
    volatile uint32_t CYCCNT;
    uint32_t others[1002];
    volatile uint32_t LAR;
} DWT_Type;

typedef struct {
    volatile uint32_t DHCSR, DCRSR, DCRDR, DEMCR;
} CoreDebug_Type;

#if __CORTEX_M > 0
#define DWT_CTRL_CYCCNTENA_Msk 1u
#ifndef __arm__ /* clock.c: registers that are variables */
extern DWT_Type registers_of_dwt;
extern CoreDebug_Type registers_of_debug;
#define DWT (&registers_of_dwt)
#define CoreDebug (&registers_of_debug)
#else
#define DWT ((DWT_Type *)0xE0001000u)
#if __CORTEX_M >= 33
#define DCB ((CoreDebug_Type *)0xE000EDF0u)
#define DCB_DEMCR_TRCENA_Msk (1u << 24)
#else
#define CoreDebug ((CoreDebug_Type *)0xE000EDF0u)
#endif
#endif
#define CoreDebug_DEMCR_TRCENA_Msk (1u << 24)
#endif

#ifndef __arm__
#define __disable_irq()
#define __enable_irq()
#define __DMB()
#define __DSB()
#define __WFI()
#define __get_MSP() 0u
#define __get_CONTROL() 0u
#else
static inline void __disable_irq(void) {
    __asm volatile("cpsid i" ::: "memory");
}

static inline void __enable_irq(void) {
    __asm volatile("cpsie i" ::: "memory");
}

static inline void __DMB(void) {
    __asm volatile("dmb" ::: "memory");
}

static inline void __DSB(void) {
    __asm volatile("dsb" ::: "memory");
}

#define __WFI() __asm volatile("wfi" ::: "memory")

static inline uint32_t __get_MSP(void) {
    uint32_t value;
    __asm volatile("mrs %0, msp" : "=r"(value));
    return value;
}

static inline uint32_t __get_CONTROL(void) {
    uint32_t value;
    __asm volatile("mrs %0, control" : "=r"(value));
    return value;
}
#endif

extern uint32_t SystemCoreClock;

typedef enum { HAL_OK = 0, HAL_ERROR = 1, HAL_BUSY = 2, HAL_TIMEOUT = 3 } HAL_StatusTypeDef;

#define HAL_MAX_DELAY 0xFFFFFFFFu

uint32_t HAL_GetTick(void);

#ifndef WITHOUT_UART
#define HAL_UART_MODULE_ENABLED
#endif

typedef struct {
    volatile uint32_t SR, DR, BRR, CR1, CR2, CR3;
} USART_TypeDef;

#define USART1 ((USART_TypeDef *)0x40011000u)

typedef enum { HAL_UART_STATE_READY = 0x20, HAL_UART_STATE_BUSY_RX = 0x22 } HAL_UART_StateTypeDef;

typedef struct {
    USART_TypeDef *Instance;
    uint8_t *pRxBuffPtr;
    volatile HAL_UART_StateTypeDef RxState;
} UART_HandleTypeDef;

HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *huart, const uint8_t *pData, uint16_t Size,
                                    uint32_t Timeout);
HAL_StatusTypeDef HAL_UART_Receive_IT(UART_HandleTypeDef *huart, uint8_t *pData, uint16_t Size);
void HAL_UART_RxCpltCallback(UART_HandleTypeDef *huart);

#ifdef __cplusplus
}
#endif

#endif
